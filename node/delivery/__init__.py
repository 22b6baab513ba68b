"""Results on their way to the peers: sent, sent again where that may help, confirmed."""
