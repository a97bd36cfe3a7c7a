"""Bugs in claims whose control has its own protocol, and in the protocol of learning curves."""

from bugs import Bug

TWO = "tests/analysis/test_two_protocols.py"
CURVE = "tests/protocols/test_learning_curve.py"
BUGS = (
    Bug(
        "control_under_the_same_protocol",
        "The control is read under the treatment's protocol, so that an arm equals itself.",
        "mae_bench/analysis/pairs.py",
        "there = replace(where, protocol=claim.control_protocol or where.protocol)",
        "there = where",
        (TWO,),
    ),
    Bug(
        "loss_published_of_one_protocol",
        "A published loss swaps the arms and leaves their protocols where they are.",
        "mae_bench/analysis/references.py",
        "if claim.control_protocol:",
        "if claim.control_protocol is not None and claim.treatment != claim.control:",
        (TWO,),
    ),
    Bug(
        "never_left_is_best",
        "A run that never left the plateau counts as one that left at once.",
        "mae_bench/protocols/learning_curve.py",
        'curve["tokens"][-1] if left is None else left',
        'curve["tokens"][0] if left is None else left',
        (CURVE,),
    ),
    Bug(
        "silent_arms_have_a_curve",
        "Arms whose objective names no tokens are asked for their curve all the same.",
        "mae_bench/planning/planner.py",
        "is_silent = method.needs_scorer and not head.names_tokens",
        "is_silent = False",
        (CURVE,),
    ),
)
