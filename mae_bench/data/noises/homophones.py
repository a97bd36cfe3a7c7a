"""Chinese characters of the same sound: what an input method by pinyin offers for one another.

Errors of this kind are the commonest in typed Chinese (Liu et al. 2010, aclanthology.org/C10-2085).
The groups are those of GB 2312-80: its first level, 3,755 common characters, is sorted by the
syllable of each, tones apart, so that the first character of every syllable tells all groups.
"""

import random
from functools import cache

from mae_bench.data.languages import scripts_of
from mae_bench.data.noises.base import ENGLISH, NoiseContext, add_noise

# The first character of each of the 396 syllables, from a to zuo, in the order of the standard.
SYLLABLE_STARTS = (
    "啊埃鞍肮凹芭白斑邦苞杯奔崩逼鞭标鳖彬兵玻捕擦猜餐苍操厕层插拆搀昌超车郴撑吃充抽初揣川疮吹"
    "春戳疵聪凑粗蹿摧村磋搭大耽当刀德蹬堤颠碉跌丁丢东兜都端堆墩掇蛾恩而发藩坊菲芬丰佛否夫噶该"
    "干冈篙哥给根耕工钩辜刮乖棺光瑰辊锅哈骸酣夯壕呵嘿痕哼轰喉呼花槐欢荒灰荤豁击嘉歼僵蕉揭巾劲"
    "炯揪鞠捐撅均喀开刊康考坷肯坑空抠枯夸块宽匡亏坤括垃莱蓝琅捞勒雷棱厘俩联粮撩列琳拎溜龙楼芦"
    "驴峦掠抡萝妈埋瞒芒猫么玫门萌眯棉苗蔑民明谬摸谋拇拿氖南囊挠呢馁嫩能妮蔫娘鸟捏您柠牛脓奴女"
    "暖虐挪哦欧啪拍攀乓抛呸喷砰坯篇飘撇拼聘坡扑期掐牵枪橇切钦青琼秋趋圈缺裙然瓤饶惹壬扔日戎揉"
    "肉软蕊闰若撒腮三桑搔瑟森僧莎筛珊墒梢奢砷声师收蔬刷摔栓霜谁吮说斯松搜苏酸虽孙蓑塌胎坍汤掏"
    "特藤梯天挑贴厅通偷凸湍推吞拖挖歪豌汪威瘟嗡挝巫昔瞎掀相萧楔薪星兄休墟轩靴勋压焉殃邀椰一茵"
    "英哟拥幽迂鸳曰耘匝栽咱赃遭责贼怎增扎摘瞻樟招遮珍蒸芝中舟珠抓拽专桩椎谆捉兹鬃邹租钻嘴尊昨"
)


def _refusal(language: str) -> str:
    return "" if "Han" in scripts_of(language) else "only Chinese characters are of one sound here"


@add_noise("homophones", unit="character", keeps_words=True, refusal=_refusal)
def homophones(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text with each Chinese character replaced by one of its sound, at ``rate``.

    A character counts that has another of the same syllable in `same_sound`, tones apart.
    """
    out = []
    for character in text:
        draw, which = rng.random(), rng.random()
        others = same_sound().get(character, "")
        out.append(others[int(which * len(others))] if others and draw < rate else character)
    return "".join(out)


@cache
def same_sound() -> dict[str, str]:
    """Return for each common character the others of its syllable; none for a syllable of one."""
    groups: list[str] = []
    for character in _first_level():
        if character in SYLLABLE_STARTS:
            groups.append("")
        groups[-1] += character
    return {
        character: group.replace(character, "")
        for group in groups
        if len(group) > 1
        for character in group
    }


def _first_level() -> str:
    """Return the first level of GB 2312: rows 16 to 55 of 94 cells, the last five unused."""
    rows = range(0xB0, 0xD8)
    cells = [bytes([row, cell]) for row in rows for cell in range(0xA1, 0xFF)]
    return b"".join(cells[:-5]).decode("gb2312")
