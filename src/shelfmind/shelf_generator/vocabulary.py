"""The words and colours of products: categories, flavours, syllables of brands, palettes."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[int, int, int]
Palette = tuple[Colour, Colour, Colour]
"""Ground, ink and accent of a brand."""


@dataclass(frozen=True)
class Flavour:
    """A flavour, the main difference between siblings: wording, band colour and picture."""

    chinese: str
    latin: str
    colour: Colour
    motif: str


@dataclass(frozen=True)
class Category:
    """A product category: its package, its range of height / width, and the possible differences between siblings.

    `shape` is the variety of the package, such as a bottle's outline. `sizes` are in ascending order.
    """

    package: str
    shape: str
    chinese: str
    latin: str
    flavours: tuple[Flavour, ...]
    proportions: tuple[float, float]
    sizes: tuple[str, ...]
    strengths: tuple[str, ...] = ("",)


_FRUIT = (
    Flavour("橙", "ORANGE", (240, 138, 28), "citrus"),
    Flavour("苹果", "APPLE", (176, 42, 48), "apple"),
    Flavour("葡萄", "GRAPE", (104, 52, 140), "grape"),
    Flavour("柠檬", "LEMON", (236, 206, 48), "citrus"),
    Flavour("蜜桃", "PEACH", (242, 140, 132), "apple"),
    Flavour("青提", "MUSCAT", (146, 178, 70), "grape"),
)
_TEA = (
    Flavour("绿", "GREEN", (96, 158, 56), "leaf"),
    Flavour("红", "BLACK", (166, 60, 34), "leaf"),
    Flavour("茉莉", "JASMINE", (226, 214, 130), "flower"),
    Flavour("乌龙", "OOLONG", (150, 110, 50), "leaf"),
    Flavour("柠檬", "LEMON", (236, 206, 48), "citrus"),
)
_SAVOURY = (
    Flavour("原味", "ORIGINAL", (236, 190, 60), "wheat"),
    Flavour("番茄味", "TOMATO", (214, 56, 40), "apple"),
    Flavour("黄瓜味", "CUCUMBER", (92, 168, 72), "leaf"),
    Flavour("香辣味", "SPICY", (170, 28, 28), "chilli"),
    Flavour("海盐味", "SEA SALT", (62, 134, 190), "drop"),
    Flavour("烧烤味", "BARBECUE", (132, 72, 38), "chilli"),
)
_MILK = (
    Flavour("纯", "PURE", (52, 112, 190), "drop"),
    Flavour("低脂", "LOW FAT", (128, 190, 226), "drop"),
    Flavour("草莓", "STRAWBERRY", (226, 50, 84), "strawberry"),
    Flavour("燕麦", "OAT", (206, 164, 96), "wheat"),
    Flavour("可可", "COCOA", (98, 60, 38), "bean"),
)
_SPIRIT = (
    Flavour("珍藏", "RESERVE", (176, 30, 36), "wheat"),
    Flavour("典藏", "CLASSIC", (36, 62, 130), "wheat"),
    Flavour("窖藏", "CELLAR", (150, 110, 50), "wheat"),
)
_BEER = (
    Flavour("原浆", "DRAFT", (70, 140, 82), "wheat"),
    Flavour("小麦", "WEISS", (226, 176, 58), "wheat"),
    Flavour("黑", "STOUT", (60, 40, 30), "wheat"),
)
_WATER = (
    Flavour("天然", "NATURAL", (60, 140, 210), "drop"),
    Flavour("苏打", "SODA", (90, 180, 190), "drop"),
    Flavour("柠檬", "LEMON", (230, 205, 60), "citrus"),
)
_WINE = (
    Flavour("干红", "MERLOT", (120, 24, 44), "grape"),
    Flavour("赤霞珠", "CABERNET", (84, 22, 52), "grape"),
    Flavour("干白", "RIESLING", (196, 180, 90), "grape"),
)
_SAUCE = (
    Flavour("生抽", "LIGHT SOY", (150, 70, 30), "bean"),
    Flavour("老抽", "DARK SOY", (86, 40, 26), "bean"),
    Flavour("陈醋", "VINEGAR", (60, 36, 40), "wheat"),
    Flavour("蒸鱼", "SEAFOOD", (60, 130, 150), "drop"),
)
_CARE = (
    Flavour("滋润", "MOISTURE", (226, 130, 150), "flower"),
    Flavour("清爽", "FRESH", (90, 180, 200), "drop"),
    Flavour("草本", "HERBAL", (92, 150, 80), "leaf"),
    Flavour("去屑", "ANTI DANDRUFF", (60, 90, 170), "drop"),
)
_MINT = (
    Flavour("薄荷", "MINT", (90, 190, 170), "leaf"),
    Flavour("茶洁", "GREEN TEA", (120, 170, 70), "leaf"),
    Flavour("盐白", "WHITENING", (70, 130, 200), "drop"),
)
_TOBACCO = (
    Flavour("金", "GOLD", (196, 160, 70), "wheat"),
    Flavour("红", "RED", (180, 30, 36), "wheat"),
    Flavour("蓝", "BLUE", (40, 80, 160), "wheat"),
    Flavour("绿", "MENTHOL", (60, 140, 100), "leaf"),
)
_COFFEE = (
    Flavour("拿铁", "LATTE", (190, 140, 90), "bean"),
    Flavour("美式", "AMERICANO", (70, 46, 34), "bean"),
    Flavour("摩卡", "MOCHA", (110, 60, 46), "bean"),
)
_JAM = (
    Flavour("草莓", "STRAWBERRY", (200, 40, 60), "strawberry"),
    Flavour("蓝莓", "BLUEBERRY", (70, 60, 140), "grape"),
    Flavour("橙子", "MARMALADE", (236, 140, 40), "citrus"),
)
_HONEY = (
    Flavour("洋槐", "ACACIA", (236, 190, 80), "flower"),
    Flavour("枣花", "JUJUBE", (186, 110, 40), "flower"),
    Flavour("百花", "BLOSSOM", (222, 150, 50), "flower"),
)
_NOODLE = (
    Flavour("红烧牛肉", "BRAISED BEEF", (196, 50, 30), "bowl"),
    Flavour("老坛酸菜", "PICKLED CABBAGE", (110, 90, 150), "bowl"),
    Flavour("鲜虾鱼板", "SHRIMP", (70, 140, 180), "bowl"),
    Flavour("香菇炖鸡", "CHICKEN", (120, 150, 60), "bowl"),
)
_COCOA = (
    Flavour("牛奶", "MILK", (120, 70, 44), "bean"),
    Flavour("黑", "DARK", (58, 36, 30), "bean"),
    Flavour("榛仁", "HAZELNUT", (176, 120, 60), "bean"),
)

CATEGORIES = (
    Category("bottle", "pet", "茶", "TEA", _TEA, (2.5, 3.7), ("330ml", "500ml", "1L")),
    Category("carton", "gable", "牛奶", "MILK", _MILK, (1.9, 2.9), ("250ml", "500ml", "1L")),
    Category("can", "drink", "汽水", "SODA", _FRUIT, (1.65, 2.6), ("200ml", "330ml", "500ml")),
    Category("pouch", "pillow", "薯片", "CRISPS", _SAVOURY, (1.05, 1.75), ("40g", "75g", "135g")),
    Category("cigarettes", "slim", "香烟", "CIGARETTES", _TOBACCO, (1.5, 2.75), ("20支", "16支"), ("8mg", "11mg")),
    Category("bottle", "spirit", "白酒", "BAIJIU", _SPIRIT, (2.1, 3.6), ("250ml", "500ml"), ("42度", "52度", "38度")),
    Category("carton", "box", "饼干", "BISCUITS", _SAVOURY, (0.4, 1.2), ("60g", "120g", "240g")),
    Category("jar", "jam", "果酱", "JAM", _JAM, (0.95, 1.6), ("170g", "340g")),
    Category("multipack", "cans", "啤酒", "BEER", _BEER, (0.5, 1.15), ("6罐装", "12罐装"), ("8度", "11度")),
    Category("bottle", "glass", "啤酒", "BEER", _BEER, (3.2, 4.3), ("330ml", "600ml"), ("8度", "11度")),
    Category("can", "drink", "啤酒", "BEER", _BEER, (1.65, 2.6), ("330ml", "500ml"), ("8度", "11度")),
    Category("carton", "gable", "果汁", "JUICE", _FRUIT, (2.1, 3.3), ("250ml", "1L")),
    Category("bottle", "clear", "水", "WATER", _WATER, (2.7, 4.0), ("350ml", "550ml", "1.5L")),
    Category("pouch", "bar", "巧克力", "CHOCOLATE", _COCOA, (0.22, 0.55), ("30g", "45g")),
    Category("pouch", "standup", "坚果", "NUTS", _SAVOURY, (1.2, 2.1), ("100g", "250g")),
    Category("bottle", "wine", "葡萄酒", "WINE", _WINE, (3.4, 4.9), ("187ml", "750ml"), ("12度", "14度")),
    Category("bottle", "pump", "洗发水", "SHAMPOO", _CARE, (2.0, 3.1), ("200ml", "400ml")),
    Category("jar", "coffee", "咖啡", "COFFEE", _COFFEE, (1.1, 1.9), ("100g", "200g")),
    Category("carton", "box", "牙膏", "TOOTHPASTE", _MINT, (0.21, 0.45), ("90g", "120g")),
    Category("multipack", "box", "牛奶", "MILK", _MILK, (0.55, 1.3), ("250ml×12", "250ml×16")),
    Category("bottle", "sauce", "酱油", "SOY SAUCE", _SAUCE, (2.9, 4.3), ("500ml", "800ml")),
    Category("can", "drink", "咖啡", "COFFEE", _COFFEE, (1.9, 2.95), ("180ml", "250ml")),
    Category("pouch", "pillow", "糖", "CANDY", _FRUIT, (0.85, 1.5), ("50g", "100g")),
    Category("jar", "honey", "蜂蜜", "HONEY", _HONEY, (1.15, 1.9), ("250g", "500g")),
    Category("pouch", "pillow", "面", "NOODLES", _NOODLE, (0.6, 1.05), ("85g", "110g")),
    Category("bottle", "pet", "果汁", "JUICE", _FRUIT, (2.3, 3.4), ("300ml", "450ml")),
    Category("jar", "cream", "面霜", "CREAM", _CARE, (0.6, 1.0), ("30g", "50g")),
    Category("can", "tin", "奶粉", "MILK POWDER", _MILK, (1.05, 1.55), ("400g", "900g"), ("1段", "2段", "3段")),
    Category("carton", "box", "茶叶", "TEA", _TEA, (1.1, 2.0), ("50g", "100g")),
    Category("carton", "brick", "豆奶", "SOY MILK", _MILK, (1.5, 2.4), ("200ml", "250ml")),
    Category("can", "tin", "鱼罐头", "CANNED FISH", _SAVOURY, (0.45, 0.95), ("120g", "184g")),
)

DEPTHS = {"gable": 0.85, "brick": 0.62, "box": 0.3, "slim": 0.4, "cans": 0.45}
"""Depth of packages with corners, as a share of their width, by shape."""
WORDINGS = ("升级版", "经典", "新包装", "特惠装", "限定", "尊享")
"""Words in a small ribbon that alone distinguish two siblings."""
OTHERS = "others"
"""The class of everything that is none of the products, as named by RP2K."""

BRAND_FIRST = "晨云山金乐北海青禾星南松月白雅溪宝华康福丽恒春玉天悦嘉味香鲜源美"
BRAND_SECOND = "露岭泉穗橙渡屋竹田河桥风湾石居谷园庄林峰江湖堂坊记斋轩苑村阁"
LATIN_FIRST = (
    *("CHEN", "LU", "NO", "KA", "VI", "MO", "SEN", "TA", "RI", "HA", "ZO", "BEL"),
    *("FU", "JIA", "WEI", "SOL", "PA", "DO", "YUN", "LA", "QI", "GRA", "MEI", "OR"),
)
LATIN_SECOND = ("MO", "RA", "VI", "LO", "NIA", "DEN", "YA", "TO", "LI", "KO", "RIN", "SA", "TEA", "BO", "XI", "LUX")

PALETTES: tuple[Palette, ...] = (
    ((232, 240, 226), (38, 104, 62), (196, 164, 70)),
    ((22, 66, 140), (232, 238, 246), (240, 196, 40)),
    ((196, 26, 36), (250, 240, 220), (246, 204, 60)),
    ((248, 246, 238), (26, 86, 164), (220, 40, 52)),
    ((28, 28, 34), (206, 170, 96), (240, 236, 226)),
    ((246, 196, 36), (120, 28, 26), (255, 252, 240)),
    ((92, 38, 110), (246, 226, 240), (244, 190, 60)),
    ((16, 122, 118), (240, 246, 236), (250, 150, 40)),
    ((244, 232, 214), (124, 70, 34), (206, 60, 44)),
    ((236, 106, 36), (255, 246, 226), (36, 84, 60)),
    ((214, 226, 238), (34, 44, 96), (196, 40, 80)),
    ((52, 96, 44), (246, 240, 208), (232, 180, 50)),
    ((250, 214, 220), (150, 32, 72), (90, 150, 90)),
    ((120, 20, 34), (236, 206, 140), (250, 244, 230)),
    ((120, 190, 224), (250, 252, 255), (20, 60, 130)),
    ((64, 44, 34), (240, 222, 190), (200, 120, 50)),
    ((255, 255, 255), (40, 40, 44), (230, 60, 40)),
    ((190, 214, 90), (40, 70, 30), (255, 250, 220)),
)
