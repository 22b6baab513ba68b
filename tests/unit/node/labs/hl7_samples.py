"""Messages as several laboratory systems write them; made for the tests, each with a habit of its own."""

from collections.abc import Mapping

PANEL: Mapping[str, tuple[str, str, str, str]] = {
    "ast_u_per_l": ("1920-8^AST^LN", "NM", "41", "U/L"),
    "ggt_u_per_l": ("2324-2^Gamma GT^LN", "NM", "62", "U/L"),
    "total_protein_g_per_l": ("2885-2^Protein total^LN", "NM", "7.1", "g/dL"),
    "lymphocyte_percent": ("736-9^Lymphocytes^LN", "NM", "31.5", "%"),
    "fibrinogen_g_per_l": ("3255-7^Fibrinogen^LN", "NM", "310", "mg/dL"),
    "hbcab_positive": ("13952-7^HBc Ab^LN", "ST", "Negative", ""),
}
"""OBX-3, OBX-2, OBX-5 and OBX-6 by analyte."""
EXPECTED: Mapping[str, float] = {
    "ast_u_per_l": 41.0,
    "ggt_u_per_l": 62.0,
    "total_protein_g_per_l": 71.0,
    "lymphocyte_percent": 31.5,
    "fibrinogen_g_per_l": 3.1,
    "hbcab_positive": 0.0,
}
"""What the node keeps of `PANEL`."""


def panel(
    control_id: str = "1",
    patient: str = "P1^^^HOSP^MR",
    *,
    taken: str = "20260201083000",
    order: str = "A1",
    values: Mapping[str, str] | None = None,
    status: str = "F",
) -> bytes:
    """Return a message with all six values; `values` replaces OBX-5 by analyte, and leaves out the others."""
    lines = [
        f"MSH|^~\\&|LAB|HOSP|MVI|HOSP|20260201090000||ORU^R01^ORU_R01|{control_id}|P|2.5.1",
        f"PID|1||{patient}||Doe^Jane||19600102|F",
        f"OBR|1||{order}|24323-8^panel^LN|||{taken}",
    ]
    for number, (analyte, (name, kind, value, unit)) in enumerate(PANEL.items(), 1):
        if values is None or analyte in values:
            text = value if values is None else values[analyte]
            lines.append(f"OBX|{number}|{kind}|{name}||{text}|{unit}|||||{status}|||{taken}")
    return "\r".join(lines).encode()


def _lines(*lines: str, encoding: str = "ascii", end: str = "\r") -> bytes:
    return end.join(lines).encode(encoding)


SYSTEMS: Mapping[str, tuple[bytes, Mapping[str, float]]] = {
    "2.5.1, LOINC, specimen behind the results, a comment between them": (
        _lines(
            "MSH|^~\\&|BEAKER^1.2.3^ISO|HOSP|MVI|HOSP|20260201090000+0100||ORU^R01^ORU_R01|B1|P|2.5.1"
            "|||AL|NE||UNICODE UTF-8",
            "SFT|Vendor|1|Lab|1",
            "PID|1||P1^^^HOSP&1.2.3&ISO^MR~999-11-2222^^^SSA^SS||Doe^Jane",
            "PV1|1|O",
            "ORC|RE|O1|A1|||||||||1234^Referrer^Some",
            "OBR|1|O1|A1|24323-8^Comprehensive metabolic 2000 panel^LN|||20260101000000",
            "NTE|1|L|taken fasting",
            "OBX|1|NM|1920-8^Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma^LN"
            "^AST^AST^L||41|U/L^^UCUM|3-40|H|||F",
            "NTE|1|L|slightly hemolytic",
            "OBX|2|NM|2951-2^Sodium^LN||140|mmol/L|||||F",
            "OBX|3|SN|2324-2^Gamma GT^LN||^62|U/L|||||F",
            "SPM|1|||119364003^Serum specimen^SCT|||||||||||||20260201083000",
            encoding="utf-8",
        ),
        {"ast_u_per_l": 41.0, "ggt_u_per_l": 62.0},
    ),
    "2.3, PID-2 alone, no order group, OBX before OBR, LF between segments": (
        _lines(
            "MSH|^~\\&|OLDLAB|HOSP|MVI||199801010101||ORU|17|P|2.3",
            "OBX|1|NM|1920-8^SGOT^LN||41|U/L|||||F|||20260201",
            "OBX|2|ST|13952-7^HBcAb^LN||NON-REACTIVE||||||F|||20260201",
            "PID|1|P1|||DOE^JANE",
            end="\n",
        ),
        {"ast_u_per_l": 41.0, "hbcab_positive": 0.0},
    ),
    "2.4, German, ISO 8859-1, final status in OBR-25": (
        _lines(
            "MSH|^~\\&|SWISSLAB|KLINIK|MVI|HOSP|20260201||ORU^R01|S-99|P|2.4||||||8859/1",
            "PID|||P1^^^HOSP",
            "OBR|1||A7|BIL^Blutbild|||20260201083000||||||||||||||||||F",
            "OBX|1|NM|736-9^Lymphozyten^LN||31.5|%",
            "OBX|2|NM|2885-2^Gesamteiweiß^LN||71|g/l",
            "OBX|3|NM|1920-8^ASAT (GOT)^LN||0.6833|µkat/l",
            encoding="iso8859-1",
        ),
        {"lymphocyte_percent": 31.5, "total_protein_g_per_l": 71.0, "ast_u_per_l": 40.998},
    ),
    "2.3.1, Chinese, GB 18030": (
        _lines(
            "MSH|^~\\&|瑞美|医院|MVI|HOSP|20260201||ORU^R01|C1|P|2.3.1||||||GB 18030-2000",
            "PID|1||P1^^^HOSP^MR||张三",
            "OBR|1||A9|肝功能|||20260201083000",
            "OBX|1|NM|1920-8^天冬氨酸氨基转移酶^LN||41|U/L|||||F",
            "OBX|2|NM|2324-2^γ-谷氨酰转移酶^LN||62|U/L|||||F",
            "OBX|3|ST|16933-4^乙肝核心抗体^LN||阳性||||||F",
            encoding="gb18030",
        ),
        {"ast_u_per_l": 41.0, "ggt_u_per_l": 62.0, "hbcab_positive": 1.0},
    ),
    "2.5, other separators, escapes, Romanian": (
        _lines(
            "MSH#*!/@#RO#HOSP#MVI#HOSP#20260201##ORU*R01#R1#P#2.5",
            "PID#1##P1***HOSP*MR",
            "OBR#1##A/F/3#H##20260201#202602010830",
            "OBX#1#ST#736-9*Limfocite /X25/*LN##31.5#%#####F",
            "OBX#2#CE#13952-7*Anti-HBc*LN##10828004*Positive*SCT######F",
        ),
        {"lymphocyte_percent": 31.5, "hbcab_positive": 1.0},
    ),
}
"""Message of each system, and the values that it holds."""
