"""Descriptions as technologists of other countries type them, badly declared, or not there at all."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from dicom_io.phantom.plan import Agent, Naming, SeriesKind, StudyPlan
from dicom_io.phantom.scenario import Edit, Scenario, also
from dicom_io.phantom.scenarios.clocks import with_agent
from pipeline.phantom import PhantomCase

_ORDER = (
    SeriesKind.LOCALIZER,
    SeriesKind.T1_PRE,
    SeriesKind.T1_ARTERIAL,
    SeriesKind.T1_PORTAL,
    SeriesKind.T1_TRANSITIONAL,
    SeriesKind.T2,
    SeriesKind.DWI,
    SeriesKind.ADC,
    SeriesKind.T1_HEPATOBILIARY,
    SeriesKind.T1_CORONAL,
    SeriesKind.T1_SUBTRACTION,
)


def _names(*texts: str) -> Mapping[SeriesKind, str]:
    return MappingProxyType(dict(zip(_ORDER, texts, strict=True)))


_CHINESE = _names(
    "定位像",
    "T1 平扫 压脂",
    "T1 动脉期 压脂",
    "T1 门静脉期 压脂",
    "T1 移行期 压脂",
    "T2 压脂",
    "弥散 b{b}",
    "ADC",
    "T1 肝胆期 20分钟",
    "冠状 肝胆期 20分钟",
    "减影 动脉期",
)
_JAPANESE = _names(
    "位置決め SCOUT",
    "T1 造影前 脂肪抑制",
    "T1 動脈相 脂肪抑制",
    "T1 門脈相 脂肪抑制",
    "T1 移行相 脂肪抑制",
    "T2 脂肪抑制",
    "拡散 b{b}",
    "ADC",
    "T1 肝細胞相 EOB",
    "冠状断 肝細胞相 EOB",
    "差分 動脈相",
)
_KOREAN = _names(
    "LOC",
    "T1 조영전 지방억제",
    "T1 동맥기 지방억제",
    "T1 문맥기 지방억제",
    "T1 이행기 지방억제",
    "T2 지방억제",
    "확산 b{b}",
    "ADC",
    "T1 간담도기 20min",
    "관상 간담도기 20min",
    "감산 동맥기",
)
_GERMAN = _names(
    "Localizer",
    "t1 vibe fs tra nativ",
    "t1 vibe fs tra spätarteriell",
    "t1 vibe fs tra portalvenös",
    "t1 vibe fs tra Übergangsphase 3 min",
    "t2 tse fs tra",
    "Diffusion b{b} tra",
    "Diffusion ADC",
    "t1 vibe fs tra leberspezifisch 20 min",
    "t1 vibe fs cor leberspezifisch 20 min",
    "Subtraktion arteriell sub",
)
_FRENCH = _names(
    "REPERAGE LOC",
    "T1 FS AX SANS INJ",
    "T1 FS AX ARTÉRIEL",
    "T1 FS AX PORTAL",
    "T1 FS AX TARDIF 3 MIN",
    "T2 FS AX",
    "DIFFUSION b{b}",
    "ADC",
    "T1 FS AX HÉPATOBILIAIRE",
    "T1 FS COR HÉPATOBILIAIRE",
    "SOUSTR ARTÉRIEL",
)
_SPANISH = _names(
    "LOCALIZADOR LOC",
    "T1 FS AX SIN CONTRASTE",
    "T1 FS AX ARTERIAL",
    "T1 FS AX VENOSA PORTAL",
    "T1 FS AX TARDÍA",
    "T2 FS AX",
    "DIFUSIÓN b{b}",
    "ADC",
    "T1 FS AX HEPATOBILIAR",
    "T1 FS COR HEPATOBILIAR",
    "SUSTR ARTERIAL",
)

_ONE_BYTE = ("siemens", "siemens-xa", "ge", "philips", "unknown")


def named(naming: Naming) -> Edit:
    """Return an edit after which the series are described so."""

    def edit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
        return replace(plan, naming=naming)

    return edit


_NOTHING = named(Naming(MappingProxyType({}), ("ISO_IR 100",)))

SCENARIOS = {
    "gbk": Scenario(
        "Chinese descriptions in GBK under ISO_IR 100", named(Naming(_CHINESE, ("ISO_IR 100",), "gbk"))
    ),
    "chinese": Scenario("Chinese descriptions in GB18030, declared", named(Naming(_CHINESE, ("GB18030",)))),
    "japanese": Scenario(
        "Japanese descriptions with ISO 2022 escapes", named(Naming(_JAPANESE, ("", "ISO 2022 IR 87")))
    ),
    "shift-jis": Scenario(
        "Japanese descriptions in Shift-JIS under ISO_IR 100",
        named(Naming(_JAPANESE, ("ISO_IR 100",), "shift_jis")),
        vendors=("canon", "toshiba", "unknown"),
    ),
    "korean": Scenario(
        "Korean descriptions with ISO 2022 escapes", named(Naming(_KOREAN, ("", "ISO 2022 IR 149")))
    ),
    "euc-kr": Scenario(
        "Korean descriptions in EUC-KR under ISO_IR 100",
        named(Naming(_KOREAN, ("ISO_IR 100",), "euc_kr")),
        vendors=("ge", "siemens", "philips", "unknown"),
    ),
    "german": Scenario("German descriptions", named(Naming(_GERMAN, ("ISO_IR 100",))), vendors=_ONE_BYTE),
    "french": Scenario("French descriptions", named(Naming(_FRENCH, ("ISO_IR 100",))), vendors=_ONE_BYTE),
    "spanish": Scenario("Spanish descriptions", named(Naming(_SPANISH, ("ISO_IR 100",))), vendors=_ONE_BYTE),
    "nameless": Scenario("no descriptions, the start of injection recorded", _NOTHING),
    "nameless-unstarted": Scenario(
        "no descriptions and no start of injection: the phases may all be one further on",
        also(_NOTHING, with_agent(Agent(start_recorded=False))),
        "SM-WEAK-T1_ARTERIAL",
    ),
}
"""By name."""
