"""Why a study is refused, in a radiologist's words, and what would help."""

from dataclasses import dataclass

from pipeline.study import Role


@dataclass(frozen=True)
class Refusal:
    """A coded refusal."""

    code: str
    message: str
    remedy: str = ""


ROLE_WORDS = {
    Role.T2: "axial T2",
    Role.DWI: "diffusion",
    Role.T1_PRE: "T1 before contrast",
    Role.T1_ARTERIAL: "arterial phase",
    Role.T1_PORTAL: "portal venous phase",
    Role.T1_HEPATOBILIARY: "hepatobiliary phase",
}

_REMEDIES = {
    "SM-PATIENT": "Send each patient's images under a Study Instance UID of their own.",
    "SM-AGENT": "The method needs gadoxetate; correct the contrast agent in the headers if it was given.",
    "SM-NOTIME": "Send the original images with their acquisition times.",
    "SM-NOHBP": "Send the series acquired 10 minutes or more after the injection, or wait for it.",
    "SM-ORDER": "Check the acquisition times and the descriptions of the phases.",
    "SM-GAP": "Check the acquisition times of the phases.",
    "SM-GEOM": "Send phases of one grid that cover the whole liver.",
    "SM-FOR": "Send series of one frame of reference, or allow several in the series rules.",
    "SM-INCOMPLETE": "Send the series again, with all its images.",
    "SM-UNREADABLE": "Give the user that runs this the right to read it, or leave it out, and try again.",
    "SM-SPLIT-WEAK": "Send the series with its temporal positions or acquisition times.",
    "SM-PIXEL": "Look at the phases side by side: the aorta is brightest in the arterial phase, and vessels are "
    "darker than the liver in the hepatobiliary phase. Where series are exchanged, check their acquisition times "
    "and the start of injection (0018,1042), or have the right ones assigned. Where all are right, the limits in "
    "[pixels] of the series rules are too narrow for them.",
    "SM-LOSSY": "Send the images uncompressed or compressed without loss.",
    "SM-VENDOR": "Export the series as one image a slice.",
    "SM-MISSING": "Send the missing series.",
    "SM-AMBIG": "Give the series distinct descriptions, add the words of this site to [lexicon] in the series "
    "rules, or have an administrator assign the right one: `mvi-node studies assign`.",
    "SM-ASSIGN": "Assign another series, or withdraw the assignment: `mvi-node studies assign`.",
    "SM-WEAK": "Give the series a description that names its sequence or phase, add the words of this site to "
    "[lexicon] in the series rules, or have it assigned: `mvi-node studies assign`.",
}


def refuse(code: str, message: str) -> Refusal:
    """Return the refusal with the remedy of its code or, for a code with a role, of its stem."""
    stem = "-".join(code.split("-")[:2])
    return Refusal(code, message, _REMEDIES.get(code, _REMEDIES.get(stem, "")))


def name_roles(roles: list[Role]) -> str:
    """Return roles as a phrase: "A, B and C"."""
    words = [ROLE_WORDS[role] for role in roles]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
