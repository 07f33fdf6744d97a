"""A server that speaks the Messages API without a model: every word it says is scripted.

Tools, files and processes around it are real. Each answer carries `x-quintet-simulated: true`.
"""
