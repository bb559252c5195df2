"""Models and services that judge pairs of texts: rerankers and entailment."""
