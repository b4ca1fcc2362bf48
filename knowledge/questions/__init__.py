"""Questions about the learning-data store: one typed ``Question`` in, one typed ``Answer`` out.

``model`` is the vocabulary shared with the understanding side, ``metrics`` the catalogue. ``answer`` asks for
permission and hands on to the shape that was asked: ``groups`` (one figure, trend, breakdown), ``compare``,
``students``, ``overview``, ``texts``. All shapes read ``figures``: sums of the facts of a metric (``checkin_facts``,
``record_facts``) over the ``members`` of the scope, or what was done on ``expected`` days. A further metric is an entry
in the catalogue and a function that selects its facts.
"""
