"""What a text is about: news, newsgroups, questions; English, Chinese, African languages."""

from mae_bench.tasks.published import add_published, split_rows

_TREC_FINE = """
ABBR:abb ABBR:exp DESC:def DESC:desc DESC:manner DESC:reason ENTY:animal ENTY:body ENTY:color
ENTY:cremat ENTY:currency ENTY:dismed ENTY:event ENTY:food ENTY:instru ENTY:lang ENTY:letter
ENTY:other ENTY:plant ENTY:product ENTY:religion ENTY:sport ENTY:substance ENTY:symbol
ENTY:techmeth ENTY:termeq ENTY:veh ENTY:word HUM:desc HUM:gr HUM:ind HUM:title LOC:city
LOC:country LOC:mount LOC:other LOC:state NUM:code NUM:count NUM:date NUM:dist NUM:money NUM:ord
NUM:other NUM:perc NUM:period NUM:speed NUM:temp NUM:volsize NUM:weight
""".split()
_NEWSGROUPS = """
alt.atheism comp.graphics comp.os.ms-windows.misc comp.sys.ibm.pc.hardware comp.sys.mac.hardware
comp.windows.x misc.forsale rec.autos rec.motorcycles rec.sport.baseball rec.sport.hockey
sci.crypt sci.electronics sci.med sci.space soc.religion.christian talk.politics.guns
talk.politics.mideast talk.politics.misc talk.religion.misc
""".split()
_TNEWS = """
news_agriculture news_car news_culture news_edu news_entertainment news_finance news_game
news_house news_military news_sports news_stock news_story news_tech news_travel news_world
""".split()
_IFLYTEK = """
K歌 MOBA 中小学 买房 二手 亲子儿童 仙侠 休闲益智 体育咨讯 体育竞技 保险 借贷
免费WIFI 公共交通 公务员 其他 养生保健 兼职 减肥瘦身 出国 办公 动作类 医疗服务
卡牌 即时通讯 同城服务 团购 地图导航 外卖 女性 婚庆 婚恋社交 家政 射击游戏 小说
工作社交 工具 彩票 影像剪辑 影视娱乐 微博博客 快递物流 情侣社交 成人 成人教育 打车
技术 搞笑 摄影修图 支付 收款 政务 教辅 新闻 旅游资讯 日常养车 日程管理 杂志
棋牌中心 母婴 民宿短租 民航 求职 汽车交易 汽车咨询 漫画 理财 生活社交 电台 电商
电子产品 电影票务 百科 直播 相机 短视频 社交工具 社区服务 社区超市 租房 租车 笔记
策略 约会社交 经营 经营养成 绘画 综合预定 美妆美业 美颜 职考 股票 艺术 英语 菜谱
薅羊毛 行程管理 行车辅助 装修家居 视频 视频教育 记账 论坛圈子 语言(非英语)
购物咨询 辅助工具 运动健身 违章 酒店 铁路 银行 问答交流 问诊挂号 音乐 飞行空战
餐饮店 驾校 高等教育 魔幻
""".split()
_CSLDCP = """
中医学/中药学 中国语言文学 交通运输工程 体育学 作物学 信息与通信工程 光学工程
公共卫生与预防医学 公共管理 兵器科学与技术 军事学 农业工程 农业资源利用 农林经济管理
冶金工程 力学 动力工程及工程热物理 化学/化学工程与技术 历史学 口腔医学 哲学 园艺学
图书馆、情报与档案管理 土木工程 地球物理学 地理学 地质学/地质资源与地质工程
基础医学/临床医学 大气科学 天文学 工商管理 应用经济学 建筑学 心理学 控制科学与工程
政治学 教育学 数学 新闻传播学 机械工程 材料科学与工程 林学/林业工程 核科学与技术
植物保护 民族学 水产 水利工程 法学 测绘科学与技术 海洋科学 物理学 环境科学与工程
理论经济学 生物学/生物科学与工程 电子科学与技术 电气工程 畜牧学/兽医学
石油与天然气工程 矿业工程 社会学 纺织科学与工程 航空宇航科学与技术 船舶与海洋工程
艺术学 药学 计算机科学与技术 食品科学与工程
""".split()
_NEWS = ("World", "Sports", "Business", "Sci/Tech")
add_published(
    "ag_news",
    "classify",
    texts=("text",),
    names=_NEWS,
    metrics=("accuracy",),
    rows={"train": 120_000, "test": 7600},
    hub="fancyzhx/ag_news@eb185aade064a813bc0b7f42de02595523103ca4",
    licence="non-commercial (AG corpus, Gulli)",
    note="title and description of each story (Zhang et al. 2015, arXiv:1509.01626)",
)
add_published(
    "ag_news_10k",
    "classify",
    texts=("text",),
    names=_NEWS,
    metrics=("accuracy",),
    rows={"train": 10_001, "test": 7600},
    licence="non-commercial (AG corpus, Gulli)",
    note=(
        "a slice of 10,001 training rows and descriptions without titles: not comparable with "
        "published numbers of ag_news; read from a local folder alone"
    ),
)
add_published(
    "trec/fine",
    "classify",
    texts=("text",),
    label="fine_label",
    names=_TREC_FINE,
    metrics=("accuracy",),
    rows={"train": 5452, "test": 500},
    hub="CogComp/trec@65752bf53af25bc935a0dce92fb5b6c930728450",
    folder="trec",
    hub_names=("fine_label",),
    licence="not stated (UIUC CogComp)",
    note="50 fine question types (Li & Roth 2002), 8 of which test does not hold",
)
add_published(
    "20_newsgroups",
    "classify",
    texts=("text",),
    names=_NEWSGROUPS,
    metrics=("accuracy", "f1"),
    rows={"train": 11_314, "test": 7532},
    hub="SetFit/20_newsgroups@main",
    licence="not stated (Usenet posts)",
    note=(
        "long texts; headers, quotes and footers are removed by scikit-learn's rules, which leaves "
        "some texts empty; not pinned: no commit of this set could be verified, so 'main' is read"
    ),
)
add_published(
    "bbc_news",
    "classify",
    texts=("text",),
    names=("business", "entertainment", "politics", "sport", "tech"),
    metrics=("accuracy", "f1"),
    rows={"train": 1762, "validation": 244, "test": 219},
    selection="validation",
    licence="BBC copyright; non-commercial research only",
    note=(
        "long texts (Greene & Cunningham 2006); no official split exists: 80/10/10 by hash of the "
        "file's path, read from a local folder alone"
    ),
)
add_published(
    "reuters_r8",
    "classify",
    texts=("text",),
    names=("acq", "crude", "earn", "grain", "interest", "money-fx", "ship", "trade"),
    metrics=("accuracy", "f1"),
    rows={"train": 5485, "test": 2189},
    licence="Reuters; research purposes only",
    note="eight classes of Reuters-21578, ModApte split; half is 'earn'; from a local folder alone",
)

for _language in ("en", "nl", "zh"):
    add_published(
        f"babylm_sib200/{_language}",
        "classify",
        texts=("sentence",),
        names=(
            "entertainment",
            "geography",
            "health",
            "politics",
            "science/technology",
            "sports",
            "travel",
        ),
        metrics=("accuracy", "f1"),
        rows={"train": 803, "validation": 201},
        test="validation",
        folder=f"babylm_sib200/{_language}",
        licence="CC BY-SA 4.0",
        language=_language,
        note=(
            "BabyLM's slice of SIB-200, the same sentences in each language; tested on its "
            "validation split of 201; from a local folder alone"
        ),
    )

_CLUE = "not stated (CLUE; research)"
_NUMBERS = "the Hub numbers its classes in another order, so it is read from a local folder alone"
add_published(
    "tnews",
    "classify",
    texts=("sentence",),
    names=_TNEWS,
    metrics=("accuracy",),
    rows={"train": 53_360, "validation": 10_000},
    test="validation",
    folder="clue_tnews",
    licence=_CLUE,
    language="zh",
    note=(
        "titles of Toutiao news; tested on the official validation split, of which train holds "
        f"924 texts, which leave train here; {_NUMBERS}"
    ),
)
for _name, _field, _names, _rows in (
    ("iflytek", "sentence", _IFLYTEK, (3024, 1373, 1749)),
    ("csldcp", "content", _CSLDCP, (2036, 2068, 1784)),
):
    add_published(
        _name,
        "classify",
        texts=(_field,),
        names=_names,
        metrics=("accuracy",),
        rows=split_rows(*_rows),
        selection="validation",
        folder=f"fewclue/{_name}",
        licence=_CLUE,
        language="zh",
        note=(
            "FewCLUE's whole few-shot pools and public test (Xu et al. 2021, arXiv:2107.07498), "
            f"another split than CLUE's; {_NUMBERS}"
        ),
    )

_COMMON = ("business", "entertainment", "health", "politics")
for _language, _classes, _rows in (
    ("pcm", (*_COMMON, "sports"), (1060, 152, 305)),
    ("som", (*_COMMON, "religion", "sports", "technology"), (1021, 148, 294)),
    ("xho", (*_COMMON, "sports"), (1032, 147, 297)),
    ("yor", (*_COMMON[1:], "religion", "sports"), (1433, 206, 411)),
):
    add_published(
        f"masakhanews/{_language}",
        "classify",
        texts=("text",),
        names=_classes,
        metrics=("weighted_f1", "accuracy"),
        rows=split_rows(*_rows),
        selection="validation",
        hub="masakhane/masakhanews@8ccc72e69e65f40c70e117d8b3c08306bb788b60",
        config=_language,
        folder=f"masakhanews/{_language}",
        hub_names=("label",),
        licence="AFL-3.0",
        language=_language,
        note="long texts, without their headlines (Adelani et al. 2023, arXiv:2304.09972)",
    )
