"""Questions about the learning-data store: one typed ``Question`` in, one typed ``Answer`` out.

``model`` is the vocabulary shared with the understanding side, ``metrics`` the catalogue, ``answer`` the way from a
question to its figures. A further metric is an entry in the catalogue and a line in ``answer.HANDLERS``.
"""
