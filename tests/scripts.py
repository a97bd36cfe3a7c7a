# ruff: noqa: RUF001
"""A few words of many scripts, with blanks between them or without."""

SPACED = {
    "latin": "the quick brown fox jumps over a lazy dog near old rivers every morning",
    "cyrillic": "все люди рождаются свободными и равными в своем достоинстве и правах",
    "greek": "όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια",
    "arabic": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق وقد وهبوا عقلا",
    "hebrew": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם כולם חוננו",
    "devanagari": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता",
    "hangul": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다",
    "ethiopic": "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው",
}
UNSPACED = {
    "chinese": "人人生而自由在尊严和权利上一律平等他们赋有理性和良心并应以兄弟关系的精神相对待",
    "japanese": "すべての人間は生まれながらにして自由でありかつ尊厳と権利とについて平等である",
    "thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิต่างมีเหตุผล",
    "lao": "ມະນຸດທຸກຄົນເກີດມາມີສິດເສລີພາບແລະສະເໝີໜ້າກັນໃນກຽດສັກສີ",
    "tibetan": "འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་ཆེ་མཐོངས་དང་ཐོབ་ཐངགི་རང་དབང",
    "khmer": "មនុស្សទាំងអស់កើតមកមានសេរីភាពនិងសមភាពក្នុងសេចក្តីថ្លៃថ្នូរនិងសិទ្ធិ",
    "myanmar": "လူတိုင်းသည်တူညီလွတ်လပ်သောဂုဏ်သိက္ခာဖြင့်လည်းကောင်း",
}
SCRIPTS = SPACED | UNSPACED
SEPARATORS = {
    "space": " ",
    "line": "\n",
    "tab": "\t",
    "crlf": "\r\n",
    "no-break": "\u00a0",
    "ideographic": "\u3000",
    "em": "\u2003",
}


def document(script, separator, shift=0, count=24):
    """Return ``count`` words of a script, or stretches of one without blanks, apart by a sign."""
    text = SCRIPTS[script]
    words = text.split() if script in SPACED else [text[i : i + 9] for i in range(0, len(text), 5)]
    turned = [words[(shift + i * (1 + shift % 3)) % len(words)] for i in range(count)]
    return separator.join(turned)
