"""For building pyradiomics 3.0.1 on Python 3.12 and newer: its versioneer uses two names that 3.12 removed."""

import configparser


class SafeConfigParser(configparser.ConfigParser):
    """The old name, with the old way to read a file."""

    readfp = configparser.ConfigParser.read_file


configparser.SafeConfigParser = SafeConfigParser
