// The Chinese of what the gallery's guard says of photos, in English on the wire.

const FAULTS = { blurred: "模糊", "burnt-out spots": "局部反光", "over-exposed": "过曝", dark: "过暗", "almost no content": "几乎没有内容" };
const TITLES = {
  "One photo, two products": "同一照片属于两个商品", "Products that are all but one": "几乎相同的商品", "Products that are all but a trained class": "与训练类别几乎相同的商品",
  "Photos unlike the others of their product": "与同商品其他照片不符的照片", "Copies within a product": "同一商品内的重复照片",
};

export const GUARD_CHINESE = [
  [/^(.*) of (.*) is the same photo as (.*) of (.*)$/, "“$2”的 $1 与“$4”的 $3 是同一张照片"],
  [/^(.*) of (.*) is nearly the same photo as (.*) of (.*)$/, "“$2”的 $1 与“$4”的 $3 几乎是同一张照片"],
  [/^(.*) is all but the trained class (.*): (\d+) of (\d+) photos? nearer to it$/, "“$1”与训练类别“$2”几乎相同：$4 张照片中有 $3 张更接近它"],
  [/^(.*) is all but (.*?): photos of both have a likeness of ([-\d.]+), those of one product ([-\d.]+)$/, "“$1”与“$2”几乎相同：二者照片的相似度为 $3，同一商品内为 $4"],
  [/^(.*) is all but (.*?): (\d+) of (\d+) photos? of .* nearer to .* and (\d+) of (\d+) photos? of .* nearer to .*$/, "“$1”与“$2”几乎相同：“$1”的 $4 张照片中有 $3 张、“$2”的 $6 张中有 $5 张更接近对方"],
  [/^(.*) is all but (.*?): (\d+) of (\d+) photos? of (.*) nearer to (.*)$/, "“$1”与“$2”几乎相同：“$5”的 $4 张照片中有 $3 张更接近“$6”"],
  [/^(.*) and (.*), the two photos of (.*?), are unlike each other \(likeness ([-\d.]+)\); nearer is (.*) \(([-\d.]+)\), by ([-\d.]+) deviations more than is usual$/, "“$3”的两张照片 $1 和 $2 彼此不像（相似度 $4）；更接近“$5”（$6），差异比通常多 $7 个稳健偏差"],
  [/^(.*) is unlike the other photos of (.*?) \(likeness ([-\d.]+)\); nearer is (.*) \(([-\d.]+)\), by ([-\d.]+) deviations more than is usual$/, "$1 与“$2”的其他照片不像（相似度 $3）；更接近“$4”（$5），差异比通常多 $6 个稳健偏差"],
  [/^(.*) has (\d+) photos?; with (\d+) or more it is recognised far more often$/, "“$1”只有 $2 张照片，$3 张以上识别率会高得多"],
  [/^(.*?)(?: and (\d+) more)? of (.*) are copies of one photo$/, (whole, shown, more, sku) => `“${sku}”的 ${shown.replaceAll(" and ", "、")}${more ? ` 等另外 ${more} 张` : " "}是同一张照片的副本`],
  [/^(.*) of ([^:]*): (.*) \(\w+ ([-\d.e]+)\)$/, (whole, photo, sku, fault, value) => `“${sku}”的 ${photo}：${FAULTS[fault] ?? fault}（${value}）`],
  [/^(.*): ([\d,]+) more$/, (whole, title, more) => `${TITLES[title] ?? title}：另有 ${more} 处`],
];
