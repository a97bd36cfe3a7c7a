"""What a customer wants: intents of one utterance (banking77, CLINC, ATIS, Snips)."""

from mae_bench.tasks.published import add_published

BANKING_INTENTS = """
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
_CLINC = """
accept_reservations account_blocked alarm application_status apr are_you_a_bot balance
bill_balance bill_due book_flight book_hotel calculator calendar calendar_update calories cancel
cancel_reservation car_rental card_declined carry_on change_accent change_ai_name
change_language change_speed change_user_name change_volume confirm_reservation cook_time
credit_limit credit_limit_change credit_score current_location damaged_card date definition
direct_deposit directions distance do_you_have_pets exchange_rate expiration_date find_phone
flight_status flip_coin food_last freeze_account fun_fact gas gas_type goodbye greeting how_busy
how_old_are_you improve_credit_score income ingredient_substitution ingredients_list insurance
insurance_change interest_rate international_fees international_visa jump_start last_maintenance
lost_luggage make_call maybe meal_suggestion meaning_of_life measurement_conversion
meeting_schedule min_payment mpg new_card next_holiday next_song no nutrition_info
oil_change_how oil_change_when oos order order_checks order_status pay_bill payday pin_change
play_music plug_type pto_balance pto_request pto_request_status pto_used recipe redeem_rewards
reminder reminder_update repeat replacement_card_duration report_fraud report_lost_card
reset_settings restaurant_reservation restaurant_reviews restaurant_suggestion rewards_balance
roll_dice rollover_401k routing schedule_maintenance schedule_meeting share_location
shopping_list shopping_list_update smart_home spelling spending_history sync_device taxes
tell_joke text thank_you time timer timezone tire_change tire_pressure todo_list
todo_list_update traffic transactions transfer translate travel_alert travel_notification
travel_suggestion uber update_playlist user_name vaccines w2 weather what_are_your_hobbies
what_can_i_ask_you what_is_your_name what_song where_are_you_from whisper_mode
who_do_you_work_for who_made_you yes
""".split()
_ATIS = """
atis_abbreviation atis_aircraft atis_aircraft#atis_flight#atis_flight_no atis_airfare
atis_airfare#atis_flight atis_airfare#atis_flight_time atis_airline atis_airline#atis_flight_no
atis_airport atis_capacity atis_cheapest atis_city atis_day_name atis_distance atis_flight
atis_flight#atis_airfare atis_flight#atis_airline atis_flight_no atis_flight_no#atis_airline
atis_flight_time atis_ground_fare atis_ground_service atis_ground_service#atis_ground_fare
atis_meal atis_quantity atis_restriction
""".split()
_SNIPS = """
AddToPlaylist BookRestaurant GetWeather PlayMusic RateBook SearchCreativeWork
SearchScreeningEvent
""".split()
add_published(
    "banking77",
    "classify",
    texts=("text",),
    names=BANKING_INTENTS,
    metrics=("accuracy", "f1"),
    rows={"train": 10003, "test": 3080},
    hub="mteb/banking77@18072d2685ea682290f7b8924d94c62acc19c0b2",
    licence="CC BY 4.0",
    note="77 intents of bank customers (Casanueva et al. 2020, arXiv:2003.04807)",
)
add_published(
    "clinc_oos",
    "classify",
    texts=("text",),
    label="intent",
    names=_CLINC,
    metrics=("accuracy", "f1"),
    rows={"train": 15250, "validation": 3100, "test": 5500},
    selection="validation",
    hub="clinc/clinc_oos@155b9c710419136e17307b80d0a13e68cd46b4ec",
    config="plus",
    hub_names=("intent",),
    licence="CC BY 3.0",
    note=(
        "150 intents and 'oos', out of scope, as one more class (config plus, Larson et al. 2019); "
        "1,000 of the 5,500 test rows are oos"
    ),
)
add_published(
    "clinc_oos/detect",
    "detect",
    texts=("text",),
    label="intent",
    names=("in scope", "out of scope"),
    detected_labels=("oos", _CLINC.index("oos")),
    metrics=("auroc", "recall_at_95"),
    rows={"train": 15250, "validation": 3100, "test": 5500},
    selection="validation",
    hub="clinc/clinc_oos@155b9c710419136e17307b80d0a13e68cd46b4ec",
    config="plus",
    folder="clinc_oos",
    hub_names=("intent",),
    licence="CC BY 3.0",
    note=(
        "utterances out of scope (oos) against those of 150 intents, 250 of the 15,250 to train on "
        "and 1,000 of the 5,500 to test on (config plus, Larson et al. 2019, arXiv:1909.02027)"
    ),
)
add_published(
    "atis/intent",
    "classify",
    texts=("text",),
    label="intent",
    names=_ATIS,
    metrics=("accuracy", "f1"),
    rows={"train": 4478, "validation": 500, "test": 893},
    selection="validation",
    folder="atis",
    licence="LDC ATIS",
    note=(
        "split of SlotGated-SLU; three quarters are atis_flight; of 26 intents, joint ones with "
        "'#' among them, five occur in test or validation alone; no version on the Hub was verified"
    ),
)
add_published(
    "snips/intent",
    "classify",
    texts=("text",),
    label="intent",
    names=_SNIPS,
    metrics=("accuracy", "f1"),
    rows={"train": 13084, "validation": 700, "test": 700},
    selection="validation",
    folder="snips",
    licence="CC0 1.0",
    note=(
        "7 intents, split of SlotGated-SLU; nearly solved (.98), so few arms differ; no version on "
        "the Hub was verified"
    ),
)
