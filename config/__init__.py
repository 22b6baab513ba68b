"""What an operator may change: settings, series rules, analytes, features, parameter maps."""
