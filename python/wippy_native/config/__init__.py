"""From an entry's data to frozen, validated configuration: one module for each concern.

Every module works in the same two steps: *decode* (a wrong YAML type is an error of F-3) and *validate* (the texts of
F-1, in their order). Nothing here opens a file or needs the compiled core.
"""
