"""Ranking of candidates: intents as answers of an FAQ, paragraphs for a question."""

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task
from mae_bench.tasks.published import split_rows

METRICS = ("mrr_at_10", "recall_at_1", "recall_at_5", "recall_at_10", "ndcg_at_10")
_BANKING = """
activate_my_card age_limit apple_pay_or_google_pay atm_support automatic_top_up
balance_not_updated_after_bank_transfer balance_not_updated_after_cheque_or_cash_deposit
beneficiary_not_allowed cancel_transfer card_about_to_expire card_acceptance card_arrival
card_delivery_estimate card_linking card_not_working card_payment_fee_charged
card_payment_not_recognised card_payment_wrong_exchange_rate card_swallowed
cash_withdrawal_charge cash_withdrawal_not_recognised change_pin compromised_card
contactless_not_working country_support declined_card_payment declined_cash_withdrawal
declined_transfer direct_debit_payment_not_recognised disposable_card_limits
edit_personal_details exchange_charge exchange_rate exchange_via_app extra_charge_on_statement
failed_transfer fiat_currency_support get_disposable_virtual_card get_physical_card
getting_spare_card getting_virtual_card lost_or_stolen_card lost_or_stolen_phone
order_physical_card passcode_forgotten pending_card_payment pending_cash_withdrawal
pending_top_up pending_transfer pin_blocked receiving_money Refund_not_showing_up request_refund
reverted_card_payment? supported_cards_and_currencies terminate_account
top_up_by_bank_transfer_charge top_up_by_card_charge top_up_by_cash_or_cheque top_up_failed
top_up_limits top_up_reverted topping_up_by_card transaction_charged_twice transfer_fee_charged
transfer_into_account transfer_not_received_by_recipient transfer_timing
unable_to_verify_identity verify_my_identity verify_source_of_funds verify_top_up
virtual_card_not_working visa_or_mastercard why_verify_identity wrong_amount_of_cash_received
wrong_exchange_rate_for_cash_withdrawal
""".split()
add_task(
    Task(
        name="banking77/faq",
        kind="rank",
        text_fields=("text",),
        label_field="label",
        label_names=tuple(_BANKING),
        metrics=METRICS,
        source=Source(
            hub_id="mteb/banking77",
            revision="18072d2685ea682290f7b8924d94c62acc19c0b2",
            folder="banking77",
            splits={"train": "train", "test": "test"},
            licence="CC BY 4.0",
            rows={"train": 10003, "test": 3080},
        ),
        licence="CC BY 4.0",
        note=(
            "FAQ retrieval: utterances of bank customers against the names of 77 intents "
            "(Casanueva et al. 2020, arXiv:2003.04807)"
        ),
    )
)

add_task(
    Task(
        name="cmrc2018/passages",
        kind="rank",
        text_fields=("question",),
        label_field="context",
        label_names=(),
        metrics=METRICS,
        source=Source(
            hub_id="hfl/cmrc2018",
            revision="main",
            folder="cmrc2018",
            splits={"train": "train", "validation": "validation", "test": "test"},
            licence="CC BY-SA 4.0",
            rows=split_rows(10142, 3219, 1002),
            note="not pinned: no commit of this set could be verified, so 'main' is read",
        ),
        test_split="validation",
        selection_split="test",
        licence="CC BY-SA 4.0",
        note=(
            "Chinese questions against the 848 paragraphs of the official validation split; "
            "questions were written with their paragraph in view, so that words give much away"
        ),
        language="zh",
    )
)

for _code in ("ar", "de", "el", "en", "es", "hi", "ro", "ru", "th", "tr", "vi", "zh"):
    add_task(
        Task(
            name=f"xquad_passages/{_code}",
            kind="rank",
            text_fields=("question",),
            label_field="context",
            label_names=(),
            metrics=METRICS,
            source=Source(
                hub_id="google/xquad",
                revision="51adfef1c1287aab1d2d91b5bead9bcfb9c68583",
                config=f"xquad.{_code}",
                folder=f"xquad/{_code}",
                splits={"validation": "validation"},
                licence="CC BY-SA 4.0",
                rows={"validation": 1190},
                note="pinned as other public projects pin it; the commit itself was not read",
            ),
            test_split="validation",
            licence="CC BY-SA 4.0",
            note="1,190 questions of XQuAD against its 240 paragraphs (arXiv:1910.11856)",
            language=_code,
            is_test_only=True,
        )
    )
