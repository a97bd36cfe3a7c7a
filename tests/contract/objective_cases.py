"""The settings of every objective that the contract tests run: name and options."""

CASES = [
    ("mlm", {}),
    ("mlm", {"mask_ratio": 0.4, "mask_share": 1.0, "random_share": 0.0, "keep_share": 0.0}),
    ("mae", {}),
    ("mae", {"mask_ratio": 0.3, "decoder_layers": 2, "decoder_width": 48}),
    ("mae", {"target": "embeddings"}),
    ("simcse", {}),
    ("simcse", {"view": "spans", "mlm_weight": 0.5}),
    ("distill", {"teacher": "mlm"}),
    ("distill", {"teacher": "mlm", "soft_weight": 0.0, "mlm_weight": 0.0}),
]
