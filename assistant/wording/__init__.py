"""Words for people: texts by language and reader, fitted to the grade."""
