"""From rows to verdicts, tables, figures and a page; nothing here imports torch."""
