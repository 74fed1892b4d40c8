"""The languages that Whisper knows, by model: a wish that cannot be met is refused before any work is done.

The list is that of openai-whisper's tokenizer, in its order (whisper/tokenizer.py). Pure.
"""

from __future__ import annotations

_CODES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi "
    "ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu "
    "am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue"
)
LANGUAGES = tuple(_CODES.split())
"""ISO 639 codes; Javanese has the older ``jw``."""

_NAMES = (
    "english,chinese,german,spanish,russian,korean,french,japanese,portuguese,turkish,polish,catalan,dutch,arabic,"
    "swedish,italian,indonesian,hindi,finnish,vietnamese,hebrew,ukrainian,greek,malay,czech,romanian,danish,hungarian,"
    "tamil,norwegian,thai,urdu,croatian,bulgarian,lithuanian,latin,maori,malayalam,welsh,slovak,telugu,persian,latvian,"
    "bengali,serbian,azerbaijani,slovenian,kannada,estonian,macedonian,breton,basque,icelandic,armenian,nepali,"
    "mongolian,bosnian,kazakh,albanian,swahili,galician,marathi,punjabi,sinhala,khmer,shona,yoruba,somali,afrikaans,"
    "occitan,georgian,belarusian,tajik,sindhi,gujarati,amharic,yiddish,lao,uzbek,faroese,haitian creole,pashto,turkmen,"
    "nynorsk,maltese,sanskrit,luxembourgish,myanmar,tibetan,tagalog,malagasy,assamese,tatar,hawaiian,lingala,hausa,"
    "bashkir,javanese,sundanese,cantonese"
)
NAMES = dict(zip(LANGUAGES, _NAMES.split(","), strict=True))
"""English names by code, as Whisper writes them."""

_SINCE_LARGE_V3 = frozenset({"yue"})
_BEFORE_LARGE_V3 = frozenset({"tiny", "base", "small", "medium", "large-v1", "large-v2"})


def is_english_only(model: str) -> bool:
    """Whether a model can neither translate nor tell languages apart."""
    return model.endswith(".en")


def of_model(model: str) -> frozenset[str]:
    """Codes that a model takes; all there are for one whose name tells nothing."""
    if is_english_only(model):
        return frozenset({"en"})
    known = frozenset(LANGUAGES)
    return known - _SINCE_LARGE_V3 if model in _BEFORE_LARGE_V3 else known
