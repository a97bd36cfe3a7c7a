"""Says where text that a task takes for held out may be trained on by the study itself."""

from mae_bench.specs import CorpusSpec, Study


def trained_texts(study: Study) -> list[str]:
    """Return a sentence for each corpus whose held-out text the study splits otherwise.

    The generated world sets as many documents apart whatever the ratio.
    """
    from mae_bench.data.corpus import is_world
    from mae_bench.data.held_out import HeldOutText
    from mae_bench.tasks.own import task_of

    if not study.objectives or is_world(study.corpus):
        return []
    corpus, usual = study.corpus, CorpusSpec().validation_ratio
    sentences = []
    for name in study.real_tasks:
        source = task_of(study, name).source
        if not isinstance(source, HeldOutText) or source.corpus not in corpus.sources:
            continue
        why = ""
        if corpus.validation_ratio < usual:
            why = f"its validation_ratio is {corpus.validation_ratio:g}, below {usual:g}"
        elif len(corpus.sources) > 1:
            why = "it has other sources beside it, and is split as a whole"
        if why:
            sentences.append(
                f"task '{name}' may hold text that the study's corpus trains on: {why}; pretrain "
                f"on {source.corpus} alone at validation_ratio {usual:g}, or name another text"
            )
    return sentences
