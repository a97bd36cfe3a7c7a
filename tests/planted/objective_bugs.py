"""Bugs in what objectives say of their options, and in arms that are parsed once, for `run.py`."""

from bugs import Bug

ARMS = "tests/planning/test_arms.py"
CHECK = "tests/contract/test_check.py"
REQUIREMENTS = "tests/contract/test_requirements_contract.py"
BUGS = (
    Bug(
        "parsed_again",
        "A plan parses the options of every arm once more for each of its pretrainings.",
        "mae_bench/planning/planner.py",
        "        arm, study = self.arms[label], self.study",
        "        from mae_bench.planning.arms import resolve_arm\n\n"
        "        arm, study = resolve_arm(self.arms[label].spec), self.study",
        (f"{ARMS}::test_an_arm_is_parsed_once_in_planning_and_estimating",),
    ),
    Bug(
        "control_of_untuned",
        "The controls of a tuned arm are those of the options that the study names.",
        "mae_bench/planning/check.py",
        'changes = {"options": {**arm.options, **drawn},',
        'changes = {"options": {**drawn, **arm.options},',
        (f"{ARMS}::test_a_control_and_a_tuned_arm_are_parsed_once",),
    ),
    Bug(
        "arm_of_another_seed",
        "A plan looks up a pretraining under the arm that was resolved last.",
        "mae_bench/planning/planner.py",
        "self.pretrained.setdefault(made[1], arm)",
        "self.pretrained.setdefault(made[1], list(self.arms.values())[-1])",
        (f"{ARMS}::test_a_plan_knows_the_arm_of_each_pretraining",),
    ),
    Bug(
        "parts_without_lexicon",
        "A mixture asks for word statistics only where all of its parts need them.",
        "mae_bench/objectives/parts.py",
        "uses_lexicon=any(",
        "uses_lexicon=all(",
        (f"{REQUIREMENTS}::test_parts_require_together_what_they_require_alone",),
    ),
    Bug(
        "price_of_teacher_whole",
        "An arm pays all of its teacher, however many students share it.",
        "mae_bench/objectives/distill.py",
        "amortise_over=options.amortise_over,",
        "amortise_over=1,",
        (f"{REQUIREMENTS}::test_parts_require_together_what_they_require_alone",),
    ),
    Bug(
        "soft_head_misnamed",
        "The contract takes a soft head that is not saved under its name.",
        "mae_bench/contract/objective.py",
        "if (head := provides.soft_head) is not None:",
        "if (head := provides.soft_head) == 'head':",
        (f"{CHECK}::test_each_fault_is_found_by_its_check",),
    ),
    Bug(
        "old_names_unread",
        "A plug-in that declares as in earlier versions is taken, and its declaration is not read.",
        "mae_bench/objectives/base.py",
        "if old in vars(cls):",
        "if old in vars(cls.Options):",
        (f"{REQUIREMENTS}::test_a_class_that_says_it_in_the_old_way_is_refused",),
    ),
    Bug(
        "parts_parsed_again",
        "A mixture parses the options of its parts again wherever it looks at them.",
        "mae_bench/objectives/mixture.py",
        "            return self.parts\n",
        "            entries = [part.entry for part in self.parts]\n"
        "            return tuple(parse_parts(entries, 'weight', float, 1))\n",
        (f"{ARMS}::test_a_part_is_parsed_once",),
    ),
)
