import pytest

from config.series_rules import load_series_rules
from dicom_io.assembly.lexicon import Lexicon
from dicom_io.assembly.text import decode, normalise


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon(load_series_rules())


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("动脉期", "gbk"),
        ("平扫", "gbk"),
        ("动脉期", "gb18030"),
        ("動脈相", "shift_jis"),
        ("동맥기", "euc_kr"),
        ("肝胆期", "utf-8"),
    ],
)
@pytest.mark.parametrize(
    "declared", [(), ("ISO_IR 100",), ("ISO_IR 192",), ("", "ISO 2022 IR 87"), ("ISO_IR 101",)]
)
def test_decode_when_the_character_set_is_undeclared_or_wrong_then_the_first_reading_is_right(
    text: str, encoding: str, declared: tuple[str, ...]
) -> None:
    assert decode(text.encode(encoding), declared)[0] == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("动脉期", "gb18030"), ("動脈相", "shift_jis"), ("동맥기", "euc_kr"), ("spätarteriell", "utf-8")],
)
def test_decode_when_a_misreading_was_stored_as_utf_8_then_it_is_undone(text: str, encoding: str) -> None:
    astray = text.encode(encoding).decode("latin-1")
    assert decode(astray.encode(), ("ISO_IR 192",))[0] == text


@pytest.mark.parametrize("declared", [(), ("ISO_IR 100",)])
def test_decode_when_utf_8_is_undeclared_then_it_is_read_as_such(declared: tuple[str, ...]) -> None:
    assert decode("Übergangsphase prä KM".encode(), declared)[0] == "Übergangsphase prä KM"


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        ("arteriell prä KM", "latin-1", ("ISO_IR 100",)),
        ("artérielle tardive", "latin-1", ("ISO_IR 100",)),
        ("肝胆期", "utf-8", ("ISO_IR 192",)),
        ("动脉期", "gb18030", ("GB18030",)),
        ("SUSTRACCIÓN TARDÍA", "latin-1", ()),
        ("Übergangsphäße", "utf-8", ("ISO_IR 192",)),
        ("fase venosa tardía ÑÓ", "utf-8", ("ISO_IR 192",)),
        ("артериальная фаза", "iso8859_5", ("ISO_IR 144",)),
        ("AX T1", "ascii", ()),
    ],
)
def test_decode_when_the_character_set_is_declared_then_the_first_reading_is_right(
    text: str, encoding: str, declared: tuple[str, ...]
) -> None:
    assert decode(text.encode(encoding), declared)[0] == text


@pytest.mark.filterwarnings("ignore:Found unknown escape sequence")
def test_decode_when_control_characters_are_inside_then_they_are_left_out() -> None:
    for reading in decode(b"Ax\x1b[31m T1\x07\0", ()):
        assert reading.isprintable()
        assert reading.startswith("Ax") and reading.endswith("T1")


def test_decode_when_iso_2022_is_used_then_no_escape_sequence_remains() -> None:
    raw = "肝細胞相".encode("iso2022_jp")
    assert decode(raw, ("", "ISO 2022 IR 87")) == ("肝細胞相",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WIP_mDIXON-art", "mdixon art"),
        ("t1_vibe_w/o contrast", "t1 vibe noncontrast"),
        ("T1 C- axial", "t1 noncontrast axial"),
        ("T1 C+ axial", "t1 c+ axial"),
        ("Ｔ１　ＡＲＴ", "t1 art"),
    ],
)
def test_normalise_when_spelled_in_many_ways_then_one_spelling_remains(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("text", "present", "absent"),
    [
        ("Ax LAVA art", "arterial", "pre"),
        ("start heart part", None, "arterial"),
        ("subject", None, "subtraction"),
        ("Ax LAVA PRE/POST", "before_and_after", "pre"),
        ("Ax LAVA PRE & POST", "before_and_after", "pre"),
        ("3D Ax DISCO Dyn Mph 3 BH", "multiphase", "pre"),
        ("t1_vibe ohne KM", "pre", "arterial"),
        ("sans gado", "pre", "portal"),
        ("t1 non contrast", "pre", "portal"),
        ("t1 20s", "arterial", "portal"),
        ("t1 120s", None, "arterial"),
        ("t1 70 sec", "portal", "arterial"),
        ("Ax T1 20 min delay", "hepatobiliary", "delayed"),
        ("Ax T1 5 min delay", "delayed", "hepatobiliary"),
        ("spätarteriell", "arterial", "portal"),
        ("portalvenös", "portal", "arterial"),
        ("fase portale", "portal", "arterial"),
        ("fase epatobiliare", "hepatobiliary", "delayed"),
        ("T2压脂", "t2", "diffusion"),
        ("门静脉期", "portal", "arterial"),
        ("肝細胞相", "hepatobiliary", "arterial"),
        ("간담도기", "hepatobiliary", "arterial"),
        ("dti_tra_dir16_AP", None, "arterial"),
        ("T1 PV w/o FS", "portal", "pre"),
        ("T1 ohne Fettsättigung portalvenös", "portal", "fat_suppressed"),
        ("sans sat de graisse portal", "portal", "fat_suppressed"),
        ("artériel tardif", "arterial", "delayed"),
        ("phase artérielle tardive", "arterial", "delayed"),
        ("phase tardive", "delayed", "arterial"),
        ("fase arterial tardía", "arterial", "delayed"),
        ("Übergangsphase", "delayed", "portal"),
        ("fase di transizione", "delayed", "portal"),
        ("nicht arteriell", None, "arterial"),
        ("kein HBP", None, "hepatobiliary"),
        ("nicht arteriell", "not arterial", "arterial"),
        ("non arteriosa", "not arterial", "arterial"),
        ("pas de phase artérielle", "not arterial", "arterial"),
        ("sin fase arterial", "not arterial", "arterial"),
        ("非动脉期", "not arterial", "arterial"),
        ("動脈相ではない", "not arterial", "arterial"),
        ("동맥기 아님", "not arterial", "arterial"),
        ("T1 w/o contrast pre", "pre", "not pre"),
        ("Ax T1 post", "post", "pre"),
        ("T1 nach KM", "post", "pre"),
        ("T1 增强", "post", "pre"),
        ("T1 增强前", "pre", "post"),
        ("LAVA动态增强", "multiphase", "post"),
        ("Ax T1 unenhanced", "pre", "post"),
        ("減算 動脈相", "subtraction", "portal"),
        ("ep2d_diff_SNRMap", "diffusion", "portal"),
        ("IVIM D* map", "map", "portal"),
        ("FatFrac: Ax IDEAL IQ", "map", "pre"),
        ("Ax T1 arterial too late", "failed", "delayed"),
        ("T1 arteriell fehlgeschlagen", "failed", "portal"),
        ("Bad Homburg T1", None, "failed"),
        ("Washington T1", None, "map"),
        ("post contrast, not pre", None, "pre"),
        ("T1 w/o arterial", None, "pre"),
        ("with and without contrast", "before_and_after", "pre"),
        ("T1 w/ & w/o", "before_and_after", "pre"),
        ("prä/post KM", "before_and_after", "pre"),
        ("sans et avec gado", "before_and_after", "pre"),
        ("senza contrasto", "pre", "portal"),
        ("平掃", "pre", "portal"),
        ("비조영", "pre", "arterial"),
        ("門静脈相", "portal", "arterial"),
        ("T1 动脉期 压脂", "arterial", "t2"),
        ("T2 without fat sat", "t2", "fat_suppressed"),
        ("T2 non-fs", "t2", "fat_suppressed"),
        ("S-ART", "subtraction", "portal"),
        ("s Ax T1 art", "subtraction", "portal"),
        ("sag T1", None, "subtraction"),
        ("arteriell minus nativ", "subtraction", "portal"),
        ("substraction art", "subtraction", "portal"),
        ("Differenzbild PV", "subtraction", "arterial"),
        ("MAX art", "projection", "portal"),
        ("maximum portal", "projection", "arterial"),
        ("Rekonstruktion arteriell", "projection", "portal"),
        ("art wash out", "map", "portal"),
        ("timing bolus", "bolus", "portal"),
        ("MR fluoro", "bolus", "portal"),
        ("art registered", "motion_corrected", "portal"),
        ("arteriell falsch", "failed", "portal"),
        ("trop tard art", "failed", "portal"),
        ("post arterial", "arterial", "not arterial"),
        ("nach KM arteriell", "arterial", "not arterial"),
        ("postarteriell", "not arterial", "arterial"),
        ("nach arteriell", "not arterial", "arterial"),
        ("after the arterial phase", "not arterial", "arterial"),
        ("après la phase artérielle", "not arterial", "arterial"),
        ("nach portalvenös", "not portal", "portal"),
        ("nach 20 min", "hepatobiliary", "not hepatobiliary"),
        ("after 30 s", "arterial", "not arterial"),
        ("T1 1 min", "portal", "delayed"),
        ("T1 1.10 min", "portal", "hepatobiliary"),
        ("T1 2:30 min", "delayed", "hepatobiliary"),
        ("T1 20 mn", "hepatobiliary", "delayed"),
        ("T1 20'", "hepatobiliary", "delayed"),
        ("T1 20''", None, "hepatobiliary"),
        ("T1 3'", "delayed", "hepatobiliary"),
    ],
)
def test_concepts_when_a_description_is_read_then_only_what_it_says_is_found(
    lexicon: Lexicon, text: str, present: str | None, absent: str
) -> None:
    found = lexicon.concepts(normalise(text))
    assert present is None or present in found
    assert absent not in found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "absent"),
        ("No", "none"),
        ("NONE NONE", "none"),
        ("None\\NONE", "none"),
        ("N/A", "none"),
        ("no contrast", "none"),
        ("w/o", "none"),
        ("keine", "none"),
        ("なし", "none"),
        ("none Primovist", "gadoxetate"),
        ("NOVAGENT", "unnamed"),
        ("Gd-EOB-DTPA", "gadoxetate"),
        ("Primovist 10ml", "gadoxetate"),
        ("普美显", "gadoxetate"),
        ("Gd-DTPA", "other"),
        ("DOTAREM", "other"),
        ("MultiHance", "other"),
        ("Gadolinium DTPA", "other"),
        ("Gd-BOPTA", "other"),
        ("Gd-DOTA", "other"),
        ("acide gadotérique", "other"),
        ("acido gadobenico", "other"),
        ("钆喷酸葡胺注射液", "other"),
        ("钆贝葡胺", "other"),
        ("钆特酸葡胺", "other"),
        ("钆布醇", "other"),
        ("马根维显", "other"),
        ("マグネビスト", "other"),
        ("ガドビスト", "other"),
        ("가도비스트", "other"),
        ("Гадовист", "other"),
        ("Магневист", "other"),
        ("Dotagraf", "other"),
        ("Magnegita", "other"),
        ("Artirem", "other"),
        ("Cyclolux", "other"),
        ("Gadofosveset", "other"),
        ("gadoversetamide", "other"),
        ("Optimark", "other"),
        ("Teslascan mangafodipir", "other"),
        ("acide gadoxétique", "gadoxetate"),
        ("Gadoxetsäure", "gadoxetate"),
        ("Gadolinium-EOB-DTPA", "gadoxetate"),
        ("钆塞酸二钠", "gadoxetate"),
        ("プリモビスト", "gadoxetate"),
        ("프리모비스트", "gadoxetate"),
        ("Primovist + NaCl 0.9%", "gadoxetate"),
        ("Primovist, not Gadovist", "several"),
        ("Gadovist->Primovist", "several"),
        ("Dotarem Gadoxetate disodium", "several"),
        ("NaCl", "none"),
        ("NaCl 0.9%", "none"),
        ("saline", "none"),
        ("ohne KM", "none"),
        ("kein", "none"),
        ("sans contraste", "none"),
        ("CONTRAST", "unnamed"),
        ("YES", "unnamed"),
    ],
)
def test_agent_when_named_then_it_is_classed(lexicon: Lexicon, name: str, expected: str) -> None:
    assert lexicon.agent(name) == expected


@pytest.mark.parametrize(
    "text",
    [
        "表观扩散系数",
        "表觀擴散係數",
        "ADC図",
        "見かけの拡散係数",
        "겉보기확산계수",
        "coefficient de diffusion apparent",
        "coefficiente di diffusione apparente",
        "Coeficiente de Difusión Aparente",
        "coeficiente de difusão aparente",
        "Scheinbarer Diffusionskoeffizient",
        "коэффициент диффузии",
    ],
)
def test_concepts_when_a_diffusion_coefficient_is_named_then_it_is_a_map(lexicon: Lexicon, text: str) -> None:
    assert "map" in lexicon.concepts(normalise(text))


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("WATER: Ax LAVA", None),
        ("FAT: Ax LAVA", "FAT"),
        ("InPhase: Ax LAVA", "IN_PHASE"),
        ("OutPhase: Ax LAVA", "OUT_PHASE"),
        ("t1_vibe_dixon_F", "FAT"),
        ("t1_vibe_dixon_opp", "OUT_PHASE"),
        ("t1_vibe_dixon_in", "IN_PHASE"),
        ("t1_vibe_dixon_W", None),
        ("T1 fat sat", None),
        ("t1_vibe_dixon_Fett", "FAT"),
        ("t1 dixon graisse", "FAT"),
        ("T1 sat graisse", None),
        ("T1 con saturación de grasa", None),
        ("T1 ohne Fett", None),
        ("T1 压脂", None),
        ("T1 水像", None),
        ("脂像 动脉期", "FAT"),
        ("T1 脂肪", "FAT"),
        ("T1 脂肪抑制", None),
        ("T1 지방억제", None),
        ("T1 지방", "FAT"),
        ("t1 gegenphase", "OUT_PHASE"),
        ("t1 opposition de phase", "OUT_PHASE"),
        ("t1 fuera de fase", "OUT_PHASE"),
        ("反相位 T1", "OUT_PHASE"),
        ("T1 逆位相", "OUT_PHASE"),
        ("t1 en phase", "IN_PHASE"),
        ("t1 en phase portale", None),
        ("同相位 T1", "IN_PHASE"),
        ("t1_vibe_fat_only_tra_20min", "FAT"),
        ("t1 fat image HBP", "FAT"),
        ("t1_vibe_dixon_F_tra_20min", "FAT"),
        ("T1 Fettbild HBP", "FAT"),
        ("t1 image graisse 20 min", "FAT"),
        ("T1 grasa HBP", "FAT"),
        ("t1_vibe_opposed_tra_20min", "OUT_PHASE"),
        ("t1_vibe_oop_20min", "OUT_PHASE"),
        ("t1_vibe_opp_tra_20min", "OUT_PHASE"),
        ("T1 out of phase 20 min", "OUT_PHASE"),
        ("T1 OP 20min", "OUT_PHASE"),
        ("T1 IP 20min", "IN_PHASE"),
        ("t1_iph_20min", "IN_PHASE"),
        ("T1 in-phase HBP", "IN_PHASE"),
        ("t1 en phase 20 min", "IN_PHASE"),
        ("t1_vibe_dixon_in_tra", "IN_PHASE"),
        ("T1 Gegenphase HBP", "OUT_PHASE"),
        ("T1 phase opposée 20min", "OUT_PHASE"),
        ("T1 fase opuesta HBP", "OUT_PHASE"),
        ("T1 fase oposta HBP", "OUT_PHASE"),
        ("T1 fase opposta HBP", "OUT_PHASE"),
        ("T1 fat sat 20min", None),
        ("T1 fat-sat HBP", None),
        ("t1_fatsat_20min", None),
        ("T1 fs 20min", None),
        ("T1 fat suppressed HBP", None),
        ("T1 fat supp. arterial", None),
        ("T1 fat saturated art", None),
        ("T1 no fat HBP", None),
        ("T1 w/o fat HBP", None),
        ("T1 water-fat sep HBP", None),
        ("LAVA fat/water W", None),
        ("T1 Fett gesättigt HBP", None),
        ("T1 Fett-Sättigung HBP", None),
        ("T1 sat de graisse portal", None),
        ("T1 graisse saturée portal", None),
        ("T1 supresión de grasa HBP", None),
        ("T1 anulación de grasa HBP", None),
        ("T1 soppressione del grasso HBP", None),
        ("T1 water excitation HBP", None),
        ("T1 portal phase HBP", None),
        ("T1 en fase arterial", None),
        ("T1 en fase hepatobiliar 20 min", None),
        ("T1 in fase portale", None),
        ("T1 in phase encoding AP", None),
        ("post op liver", None),
        ("T1 art post op", None),
        ("T1 breath in", None),
        ("T1 breathe out", None),
        ("t1_vibe_dixon_tra_W_20min", None),
        ("mDIXON All BH HBP", None),
        ("AX VIBE DIXON TWIST DELAYED_TTC=3.3s_W", None),
        ("t1_vibe_dixon_tra_p4_bh_10 MIN DELAY_W", None),
        ("t1_vibe_twist_dixon_tra_bh_art_5phase", None),
        ("WATER: 3D Ax DISCO Dyn Mph 3 BH", None),
    ],
)
def test_dixon_when_a_description_is_read_then_only_what_it_says_is_found(
    lexicon: Lexicon, description: str, kind: str | None
) -> None:
    named = lexicon.dixon(normalise(description))
    assert (None if named is None else named.kind) == kind


def test_dixon_when_named_then_word_and_list_are_given(lexicon: Lexicon) -> None:
    named = lexicon.dixon("t1 vibe fat only tra 20min")
    assert named is not None
    assert (named.word, named.concept) == ("fat only", "dixon_fat_anywhere")
