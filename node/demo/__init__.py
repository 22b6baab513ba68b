"""The demonstration: the whole loop on one machine, with nothing configured.

``processes`` runs the embedded PACS and the node, ``steps`` names the way of the study, ``folder`` is emptied and
filled, and ``loop`` puts them in order.
"""
