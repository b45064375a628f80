"""A server that speaks OpenAI's protocol in front of a language model on this machine.

The requests of many clients are gathered into batches. Answers are greedy.
"""
