"""Acceptance at a site: phantom studies through a live node, and its results compared with the planted truth.

``play`` and ``plays`` say how studies are sent, ``staging`` writes them, ``scanner`` sends, ``receiver`` is the
PACS, ``expectation`` and ``comparison`` judge, ``verdict``, ``table`` and ``site_report`` tell, ``acceptance``
puts them in order, and ``session`` is a run at a site.
"""
