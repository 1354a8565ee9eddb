"""The languages that can be spoken to Callscribe, under Whisper's codes. Imports nothing of ours.

French comes first and English second, the others by their English names: the order in which a
page or a terminal offers them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """A language: Whisper's code, its English name, its own name and a flag to find it by.

    A flag stands for a country, not for a language: it is that of the country the language is
    most associated with, and a name always stands beside it.
    """

    code: str
    name: str
    native: str
    flag: str

    def to_dict(self) -> dict[str, str]:
        """The JSON form."""
        return {"code": self.code, "name": self.name, "native": self.native, "flag": self.flag}


_WALES = "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"

# code, English name, own name, ISO 3166 country of the flag
_TABLE = (
    ("fr", "French", "Français", "FR"),
    ("en", "English", "English", "GB"),
    ("af", "Afrikaans", "Afrikaans", "ZA"),
    ("sq", "Albanian", "Shqip", "AL"),
    ("am", "Amharic", "አማርኛ", "ET"),
    ("ar", "Arabic", "العربية", "SA"),
    ("hy", "Armenian", "Հայերեն", "AM"),
    ("as", "Assamese", "অসমীয়া", "IN"),
    ("az", "Azerbaijani", "Azərbaycanca", "AZ"),
    ("ba", "Bashkir", "Башҡортса", "RU"),
    ("eu", "Basque", "Euskara", "ES"),
    ("be", "Belarusian", "Беларуская", "BY"),
    ("bn", "Bengali", "বাংলা", "BD"),
    ("bs", "Bosnian", "Bosanski", "BA"),
    ("br", "Breton", "Brezhoneg", "FR"),
    ("bg", "Bulgarian", "Български", "BG"),
    ("my", "Burmese", "မြန်မာ", "MM"),
    ("yue", "Cantonese", "粵語", "HK"),
    ("ca", "Catalan", "Català", "AD"),
    ("zh", "Chinese", "中文", "CN"),
    ("hr", "Croatian", "Hrvatski", "HR"),
    ("cs", "Czech", "Čeština", "CZ"),
    ("da", "Danish", "Dansk", "DK"),
    ("nl", "Dutch", "Nederlands", "NL"),
    ("et", "Estonian", "Eesti", "EE"),
    ("fo", "Faroese", "Føroyskt", "FO"),
    ("fi", "Finnish", "Suomi", "FI"),
    ("gl", "Galician", "Galego", "ES"),
    ("ka", "Georgian", "ქართული", "GE"),
    ("de", "German", "Deutsch", "DE"),
    ("el", "Greek", "Ελληνικά", "GR"),
    ("gu", "Gujarati", "ગુજરાતી", "IN"),
    ("ht", "Haitian Creole", "Kreyòl ayisyen", "HT"),
    ("ha", "Hausa", "Hausa", "NG"),
    ("haw", "Hawaiian", "ʻŌlelo Hawaiʻi", "US"),
    ("he", "Hebrew", "עברית", "IL"),
    ("hi", "Hindi", "हिन्दी", "IN"),
    ("hu", "Hungarian", "Magyar", "HU"),
    ("is", "Icelandic", "Íslenska", "IS"),
    ("id", "Indonesian", "Bahasa Indonesia", "ID"),
    ("it", "Italian", "Italiano", "IT"),
    ("ja", "Japanese", "日本語", "JP"),
    ("jw", "Javanese", "Basa Jawa", "ID"),
    ("kn", "Kannada", "ಕನ್ನಡ", "IN"),
    ("kk", "Kazakh", "Қазақша", "KZ"),
    ("km", "Khmer", "ខ្មែរ", "KH"),
    ("ko", "Korean", "한국어", "KR"),
    ("lo", "Lao", "ລາວ", "LA"),
    ("la", "Latin", "Latina", "VA"),
    ("lv", "Latvian", "Latviešu", "LV"),
    ("ln", "Lingala", "Lingála", "CD"),
    ("lt", "Lithuanian", "Lietuvių", "LT"),
    ("lb", "Luxembourgish", "Lëtzebuergesch", "LU"),
    ("mk", "Macedonian", "Македонски", "MK"),
    ("mg", "Malagasy", "Malagasy", "MG"),
    ("ms", "Malay", "Bahasa Melayu", "MY"),
    ("ml", "Malayalam", "മലയാളം", "IN"),
    ("mt", "Maltese", "Malti", "MT"),
    ("mi", "Māori", "Te reo Māori", "NZ"),
    ("mr", "Marathi", "मराठी", "IN"),
    ("mn", "Mongolian", "Монгол", "MN"),
    ("ne", "Nepali", "नेपाली", "NP"),
    ("no", "Norwegian", "Norsk", "NO"),
    ("nn", "Norwegian Nynorsk", "Norsk nynorsk", "NO"),
    ("oc", "Occitan", "Occitan", "FR"),
    ("ps", "Pashto", "پښتو", "AF"),
    ("fa", "Persian", "فارسی", "IR"),
    ("pl", "Polish", "Polski", "PL"),
    ("pt", "Portuguese", "Português", "PT"),
    ("pa", "Punjabi", "ਪੰਜਾਬੀ", "IN"),
    ("ro", "Romanian", "Română", "RO"),
    ("ru", "Russian", "Русский", "RU"),
    ("sa", "Sanskrit", "संस्कृतम्", "IN"),
    ("sr", "Serbian", "Српски", "RS"),
    ("sn", "Shona", "ChiShona", "ZW"),
    ("sd", "Sindhi", "سنڌي", "PK"),
    ("si", "Sinhala", "සිංහල", "LK"),
    ("sk", "Slovak", "Slovenčina", "SK"),
    ("sl", "Slovenian", "Slovenščina", "SI"),
    ("so", "Somali", "Soomaali", "SO"),
    ("es", "Spanish", "Español", "ES"),
    ("su", "Sundanese", "Basa Sunda", "ID"),
    ("sw", "Swahili", "Kiswahili", "TZ"),
    ("sv", "Swedish", "Svenska", "SE"),
    ("tl", "Tagalog", "Tagalog", "PH"),
    ("tg", "Tajik", "Тоҷикӣ", "TJ"),
    ("ta", "Tamil", "தமிழ்", "IN"),
    ("tt", "Tatar", "Татарча", "RU"),
    ("te", "Telugu", "తెలుగు", "IN"),
    ("th", "Thai", "ไทย", "TH"),
    ("bo", "Tibetan", "བོད་སྐད་", "CN"),
    ("tr", "Turkish", "Türkçe", "TR"),
    ("tk", "Turkmen", "Türkmençe", "TM"),
    ("uk", "Ukrainian", "Українська", "UA"),
    ("ur", "Urdu", "اردو", "PK"),
    ("uz", "Uzbek", "Oʻzbekcha", "UZ"),
    ("vi", "Vietnamese", "Tiếng Việt", "VN"),
    ("cy", "Welsh", "Cymraeg", "Wales"),
    ("yi", "Yiddish", "ייִדיש", "IL"),
    ("yo", "Yoruba", "Yorùbá", "NG"),
)


def _flag(country: str) -> str:
    """The emoji of an ISO 3166 country: its two letters as regional indicators."""
    if country == "Wales":
        return _WALES
    return "".join(chr(ord(letter) - ord("A") + 0x1F1E6) for letter in country)


LANGUAGES: dict[str, Language] = {
    code: Language(code, name, native, _flag(country)) for code, name, native, country in _TABLE
}
"""Every language by its code, French first, English second, then by English name."""
