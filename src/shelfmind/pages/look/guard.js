// Chinese translations of the gallery guard's findings, which the server sends in English.

const FAULTS = { blurred: "模糊", "burnt-out spots": "局部反光", "over-exposed": "过曝", dark: "过暗", "almost no content": "几乎没有内容" };
const TITLES = {
  "The same photo under two products": "同一照片归入两个商品", "Nearly indistinguishable products": "难以区分的商品", "Products nearly indistinguishable from a trained class": "与训练类别难以区分的商品",
  "Photos that differ from the others of their product": "与同商品其他照片不符的照片", "Products with few photos": "照片过少的商品", "Near-duplicates within a product": "同一商品内的近似重复照片",
};

export const GUARD_CHINESE = [
  [/^(.*) of (.*) is the same photo as (.*) of (.*)$/, "“$2”的 $1 与“$4”的 $3 是同一张照片"],
  [/^(.*) of (.*) is nearly the same photo as (.*) of (.*)$/, "“$2”的 $1 与“$4”的 $3 几乎是同一张照片"],
  [/^(.*) is nearly indistinguishable from the trained class (.*): (\d+) of (\d+) photos? (?:is|are) closer to it$/, "“$1”与训练类别“$2”难以区分：$4 张照片中有 $3 张更接近该类别"],
  [/^(.*) is nearly indistinguishable from (.*?): their photos have a similarity of ([-\d.]+), those of one product ([-\d.]+)$/, "“$1”与“$2”难以区分：二者照片的相似度为 $3，同一商品内为 $4"],
  [/^(.*) is nearly indistinguishable from (.*?): (\d+) of (\d+) photos? of .* (?:is|are) closer to .* and (\d+) of (\d+) photos? of .* (?:is|are) closer to .*$/, "“$1”与“$2”难以区分：“$1”的 $4 张照片中有 $3 张、“$2”的 $6 张中有 $5 张更接近对方"],
  [/^(.*) is nearly indistinguishable from (.*?): (\d+) of (\d+) photos? of (.*) (?:is|are) closer to (.*)$/, "“$1”与“$2”难以区分：“$5”的 $4 张照片中有 $3 张更接近“$6”"],
  [/^(.*) and (.*), the two photos of (.*?), differ from each other \(similarity ([-\d.]+)\), and .* is closer to (.*) \(([-\d.]+)\), by ([-\d.]+) robust deviations more than usual$/, "“$3”的两张照片 $1 和 $2 差异较大（相似度 $4），且 $1 更接近“$5”（$6），超出常见水平 $7 个稳健标准差"],
  [/^(.*) differs from the other photos of (.*?) \(similarity ([-\d.]+)\), and is closer to (.*) \(([-\d.]+)\), by ([-\d.]+) robust deviations more than usual$/, "$1 与“$2”的其他照片不符（相似度 $3），更接近“$4”（$5），超出常见水平 $6 个稳健标准差"],
  [/^(.*) has (\d+) photos?; with (\d+) or more, recognition is far more reliable$/, "“$1”只有 $2 张照片，增至 $3 张以上识别会可靠得多"],
  [/^(.*?)(?: and (\d+) more)? of (.*) are near-duplicates$/, (whole, shown, more, sku) => `“${sku}”的 ${shown.replaceAll(" and ", "、")}${more ? ` 等另外 ${more} 张` : " "}是近似重复照片`],
  [/^(.*) of ([^:]*): (.*) \(\w+ ([-\d.e]+)\)$/, (whole, photo, sku, fault, value) => `“${sku}”的 ${photo}：${FAULTS[fault] ?? fault}（${value}）`],
  [/^(.*): ([\d,]+) more$/, (whole, title, more) => `${TITLES[title] ?? title}：另有 ${more} 处`],
];
