"""Characters that a scanner takes for one another, by script.

Latin: the substitutions, splits and merges that post-correction of scanned text is about (Kukich
1992, doi:10.1145/146370.146380; Nguyen et al. 2021, doi:10.1145/3453476), among them those of
nlpaug's table (Ma 2019), and letters that lose their accent. Arabic: letters of one shape that
differ in dots. Chinese: characters of nearly the same strokes (Liu et al. 2010,
aclanthology.org/C10-2085). The others were put together by hand in the same way.
"""

import unicodedata
from functools import cache

from mae_bench.data.languages import scripts_of

_LATIN = """
rn m  ri n  cl d  vv w  li h  nn m  ii u  m rn,in,nn  w vv  d cl  n ri,u  h li,b  u ii,n,v
l 1,I,i  I l,1  i l,1,j  j i  1 l,I,7  7 1,T  T 7,I  o 0,c,e  O 0,Q,D  0 O,o  Q O  D O  e c,o  c e,o
a o,e  b h,6  f t  t f,l  s 5  S 5,8  5 S,s  8 B,3  3 8  B 8,3  6 b,G  G 6,C  C G,0  E F  F E,P
P F  R K  K R  2 Z,z  Z 2  z 2  9 g,q  g 9,q  q g,9  y v  v y  r t  k lc  p o  x v  M N  N M  H N
W VV  V Y  U V  Y V  J I  L I  X K  A 4  4 A
"""
_PAIRS = {
    "Cyrillic": "ин нп шщ ць еёс ьъы ос зэ йи лп вб гт ИН НП ШЩ ЕЁ ОС ЗЭ ЙИ ВБ ГТ",
    "Greek": "οσ νυ ηπ ιί αο κχ ΟΘ ΑΛ ΕΣ",
    "Arabic": "بتثني جحخ دذ رز سش صض طظ عغ فق هة وؤ اأإآ يى",
    "Hebrew": "דר החת בכ וזן סם גנ עצ",
    "Thai": "คดต กถภ ขชซ บป พผฝฟ นม ลส ฎฏ ฤฦ",
    "Japanese": "ソン ツシ ロ口 カ力 ニ二 エ工 ハ八 ほは ぬめ われね さき ちら るろ いり",
    "Devanagari": "भम घध पष वब यथ डङ रस",
}
_HAN = (
    "人入八 己已巳 未末 土士 日曰目 干千于 天夫无 力刀刁 王玉主 田由甲申 木本术 "
    "白自百 贝见 午牛 乌鸟 免兔 拨拔 折拆析 候侯 即既 辨辩辫 戊戌戍 历厉 令今 "
    "住往佳 哀衷衰 侍待 侧测则 坏怀环 清请情睛晴 喝渴 跑炮抱泡饱 低底抵 很狠恨 "
    "买卖 问间闻 左右石 几儿 广厂 为办 小少 比此北 名各 处外 观现规 活话 没设 "
    "该孩刻 他她地池 找我 把吧爸 近进远 刚钢 快块 记纪 难准谁 便使 师帅 旧归 "
    "洋样 净静 斤斥 密蜜 辛幸 享亨 治冶 竞竟 徒陡 悔侮 杨扬场 沦论轮伦 代伐 "
    "仑仓 句旬 史吏 困因 园圆 圈围 思恩 息惠 暑署 晓烧浇 棵裸课 检险验 搞稿 "
    "歌敢 斑班 毫豪 毒每 洒酒 消销 漫慢 炎灾 燥躁操澡 特持 狼狠 理埋 甜胡 盲育 "
    "科料 秋和 税悦脱说 第弟 粒拉 绿录 美羊 肚肝 脸睑 荷苛 蓝篮 计汁 许讲 读续 "
    "账帐 货贷贸 赢羸 车东 转传 返反 迁迂 那哪 部陪 钱线浅 铃玲 间问 阴阳 陈阵 "
    "降峰 随隋 零雪 须顶项 预顽 飞气 高商 点占 两雨 从丛 价介 修俊 停亭 兵乒 "
    "具真 写与 决块 凉惊 列例 刘刻 利和 到倒 前剪 加如 务条 勺匀 北背 医区 "
    "升开 半平 单早 大太犬 体休"
)


@cache
def look_alikes(language: str) -> dict[str, tuple[str, ...]]:
    """Return what each unit of a language's scripts may be taken for; units of two letters too.

    Empty where none of the scripts has such a table.
    """
    scripts = scripts_of(language)
    groups = " ".join(_PAIRS.get(script, "") for script in sorted(scripts)).split()
    if scripts & {"Han", "Japanese"}:
        groups += _HAN.split()
    table: dict[str, list[str]] = {}
    for group in groups:
        for character in group:
            others = table.setdefault(character, [])
            others += [other for other in group if other not in (character, *others)]
    if scripts & {"Latin", ""}:
        table |= _latin()
    return {unit: tuple(others) for unit, others in table.items() if others}


def _latin() -> dict[str, list[str]]:
    words = _LATIN.split()
    table = {unit: others.split(",") for unit, others in zip(words[::2], words[1::2], strict=True)}
    for code in range(0xC0, 0x250):  # accented letters of the Latin blocks
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base != chr(code):
            table[chr(code)] = [base]
    return table
