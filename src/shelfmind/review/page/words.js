// The page's texts in English and Chinese.

import { GUARD_CHINESE } from "./look/guard.js";
import { fill, firstLanguage, remember, translateDocument, translated } from "./look/language.js";

const WORDS = {
  en: {
    name: "English", title: "Review", undo: "Undo", help: "Shortcuts", filterByClass: "Filter by class", kind: "Kind",
    allKinds: "all", undecidedOnly: "Undecided only", chooseClass: "Which product is this?", labelledAs: "labelled",
    cancel: "Cancel", close: "Close", larger: "Enlarged image", keyboard: "Keyboard shortcuts",
    searchClass: "Search classes or type a new one",
    safety: "Every decision is saved to the log immediately. The data set itself is never changed: shelfmind prepare uses your decisions to create a clean copy.",
    reviewer: "Reviewer: {0}", progress: "{0} of {1} decided", shown: "{0} shown", shownOf: "{0} match; the first {1} are listed. Filter to see the rest",
    given: "Labelled as", suggested: "Looks like", noSuggestion: "No class fits better", typical: "typical images",
    copies: "Near-duplicates", nearest: "most similar images with this label", alike: "nearly identical images", noPictures: "no images to compare with",
    score: "suspicion", keep: "Keep", relabel: "Relabel…", accept: "Use this label", others: "Others", drop: "Drop",
    takeBack: "Undo", loading: "loading", cannotOpen: "cannot be opened",
    didKeep: "label kept", didRelabel: "relabelled as {0}", didDrop: "dropped", didOthers: "moved to others", by: "{0} by {1}", me: "you",
    disagree: "Reviewers disagree", undecided: "undecided",
    cardLabel: "Suspect {0} of {1}, labelled {2}. {3}", saving: "saving…",
    said: "{0}. {1} of {2} decided.", undone: "Undone: {0}.", nothingToUndo: "You have no decision to undo.",
    sameClass: "The image already has this label.", noSuggested: "There is no suggestion. Press R to choose a class.",
    allDecided: "All suspects shown have been decided.", nothing: "No suspects. There is nothing to review.",
    nothingLeft: "All suspects have been decided. Next: shelfmind prepare DATA --decisions {0} --out CLEAN",
    noMatch: "No suspect matches this filter.", classes: "{0} classes", moreClasses: "{0} classes; keep typing to narrow the list",
    newClass: "New class “{0}”", suggestion: "suggestion", recent: "recent", examplesOf: "examples",
    notSaved: "Not saved: {0}", doneBut: "Done, with warnings: {0}", serverGone: "The review server is not responding. Is `shelfmind review` still running?",
    suspectPicture: "Suspect {0}", neighbourPicture: "Labelled {0}", enlarge: "Enlarge: {0}",
    keys: [["J ↓ →", "next suspect"], ["K", "keep the label"], ["A", "use the suggested label"], ["R", "choose another label"], ["O", "move to “others”"], ["D", "drop the image"], ["U", "undo your last decision"], ["↑ ←", "previous suspect"], ["N", "next undecided suspect"], ["Enter", "enlarge the image"], ["/", "filter by class"], ["?", "show this help"]],
    kinds: { label: "wrong label?", conflict: "same image, two labels", leak: "in train and test", outlier: "outlier", quality: "poor image", duplicate: "duplicate", near_duplicate: "near-duplicate" },
    splits: { train: "train", val: "val", test: "test", new: "new" },
    details: [],
    // Texts for the review of groups of photos, in place of those above.
    groups: {
      title: "New products", kind: "Type", shown: "{0} shown", shownOf: "{0} groups match; the first {1} are listed. Filter to see the rest", filterByClass: "Filter by most similar product", labelledAs: "", chooseClass: "Which product do these photos show?",
      searchClass: "Type a new product's name or find an enrolled product", newClass: "New product “{0}”", classes: "{0} products",
      moreClasses: "{0} products; keep typing to narrow the list", suggestion: "most similar",
      safety: "Every decision is saved to the log and applied to the gallery immediately, as one change. U undoes both.",
      given: "Photos of one product?", suggested: "Most similar enrolled product", noProduct: "No product is enrolled yet",
      group: "Group {0}", photos: "{0} photos", morePhotos: "and {0} more;", likeness: "similarity within the group {0}", similarity: "similarity {0}",
      groupPicture: "Photo of group {0}", enrol: "Enrol as…", mergeInto: "Merge into {0}", drop: "Discard",
      didRelabel: "enrolled as {0}", didDrop: "discarded", cardLabel: "Group {0} of {1}, {2}. {3}", noSuggested: "There is no product to merge into. Press E to name one.",
      allDecided: "All groups shown have been decided.", nothing: "No groups. No new products were found.", nothingLeft: "All groups have been decided, and the gallery is up to date. Decisions: {0}",
      noMatch: "No group matches this filter.",
      keys: [["J ↓ →", "next group"], ["E", "enrol as a new product, or merge into any product"], ["A", "merge into the most similar product"], ["D", "discard the group"], ["U", "undo your last decision, also in the gallery"], ["↑ ←", "previous group"], ["N", "next undecided group"], ["Enter", "enlarge the first photo"], ["/", "filter by most similar product"], ["?", "show this help"]],
      kinds: { new: "new product?", changed: "changed packaging?" },
    },
  },
  zh: {
    name: "中文", title: "标签复核", undo: "撤销", help: "快捷键", filterByClass: "按类别筛选", kind: "问题",
    allKinds: "全部", undecidedOnly: "只看未处理", chooseClass: "这是哪种商品？", labelledAs: "现标签",
    cancel: "取消", close: "关闭", larger: "大图", keyboard: "键盘操作",
    searchClass: "搜索类别，或输入新类别",
    safety: "每个决定都会立即写入日志。数据集本身不会被改动：shelfmind prepare 会根据复核决定生成一份干净的副本。",
    reviewer: "复核人：{0}", progress: "已处理 {0} / {1}", shown: "显示 {0} 张", shownOf: "符合条件 {0} 张，仅列出前 {1} 张，请进一步筛选",
    given: "现标签", suggested: "更像是", noSuggestion: "没有更合适的类别", typical: "该类的典型图片",
    copies: "近似重复图片", nearest: "该标签下最相似的图片", alike: "几乎相同的图片", noPictures: "没有可比较的图片",
    score: "可疑度", keep: "保留", relabel: "改标签…", accept: "采用此标签", others: "归入其他", drop: "剔除",
    takeBack: "撤销", loading: "加载中", cannotOpen: "无法打开",
    didKeep: "保留原标签", didRelabel: "改为 {0}", didDrop: "已剔除", didOthers: "归入其他", by: "{0}（{1}）", me: "你",
    disagree: "复核人意见不一", undecided: "未处理",
    cardLabel: "第 {0} 张，共 {1} 张，现标签 {2}。{3}", saving: "保存中…",
    said: "{0}。已处理 {1} / {2}。", undone: "已撤销：{0}。", nothingToUndo: "没有可撤销的决定。",
    sameClass: "图片已经是这个标签。", noSuggested: "没有建议的类别，请按 R 选择。",
    allDecided: "所显示的图片已全部处理。", nothing: "没有可疑图片，无需复核。",
    nothingLeft: "这里已全部处理完。下一步：shelfmind prepare DATA --decisions {0} --out CLEAN",
    noMatch: "没有符合筛选条件的图片。", classes: "{0} 个类别", moreClasses: "{0} 个类别，继续输入可缩小范围",
    newClass: "新类别“{0}”", suggestion: "建议", recent: "最近使用", examplesOf: "示例",
    notSaved: "未保存：{0}", doneBut: "已执行，但有警告：{0}", serverGone: "复核服务没有响应。shelfmind review 还在运行吗？",
    suspectPicture: "可疑图片 {0}", neighbourPicture: "标签为 {0}", enlarge: "放大：{0}",
    keys: [["J ↓ →", "下一张"], ["K", "保留标签"], ["A", "采用建议的标签"], ["R", "选择其他标签"], ["O", "归入“其他”"], ["D", "剔除图片"], ["U", "撤销你的上一个决定"], ["↑ ←", "上一张"], ["N", "下一张未处理的"], ["Enter", "放大图片"], ["/", "按类别筛选"], ["?", "显示本说明"]],
    kinds: { label: "标签可疑", conflict: "同一图片两个标签", leak: "训练集与测试集之间泄漏", outlier: "离群", quality: "画质差", duplicate: "重复", near_duplicate: "近似重复" },
    splits: { train: "训练集", val: "验证集", test: "测试集", new: "新图片" },
    // Descriptions by the audit and the label check, which are in English in their files.
    details: [
      [/including its nearest neighbours, '(.*)' is over 100 times as likely/, "结合最近邻图片，“$1”的可能性高出 100 倍以上"],
      [/including its nearest neighbours, '(.*)' is more than 1000 times as likely/, "结合最近邻图片，“$1”的可能性高出 1000 倍以上"],
      [/including its nearest neighbours, '(.*)' is ([\d.]+) times as likely/, "结合最近邻图片，“$1”的可能性为其 $2 倍"],
      [/the label has an out-of-fold probability of ([\d.]+%)/, "现标签的折外概率：$1"],
      [/the label has an in-sample probability of ([\d.]+%)/, "现标签的概率（由训练时见过此图的网络给出）：$1"],
      [/far from every class \(([-\d.]+) deviations from the nearest\)/, "与每个类别都相差很远（距最近的类别 $1 个标准差）"],
      [/same pixels as an image labelled (.*)/, "与一张标签为 $1 的图片像素完全相同"],
      [/near-duplicate of an image labelled (.*)/, "与一张标签为 $1 的图片近似重复"],
      [/same pixels as an image in ([a-z, ]+)/, "与 $1 中的一张图片像素完全相同"],
      [/near-duplicate of an image in ([a-z, ]+)/, "与 $1 中的一张图片近似重复"],
      [/drop it here to keep ([a-z]+) unchanged/, "请在此处剔除，使 $1 保持不变"],
      [/^blurred \(\w+ ([-\d.e]+)\)/, "模糊（$1）"],
      [/^burnt-out spots \(\w+ ([-\d.e]+)\)/, "局部反光（$1）"],
      [/^over-exposed \(\w+ ([-\d.e]+)\)/, "过曝（$1）"],
      [/^dark \(\w+ ([-\d.e]+)\)/, "过暗（$1）"],
      [/^rotated in the plane \(\w+ ([-\d.e]+)\)/, "平面内倾斜（$1°）"],
      [/^almost no content \(\w+ ([-\d.e]+)\)/, "几乎没有内容（$1）"],
      // Their messages about networks that learnt too little to check labels.
      [/none of (\d+) networks clearly beats guessing on held-out images/, "$1 个网络在留出的图片上都不明显优于随机猜测"],
      [/(\d+) of (\d+) networks do(?:es)? not clearly beat guessing on held-out images/, "$2 个网络中有 $1 个在留出的图片上不明显优于随机猜测"],
      [/the network does not clearly beat guessing on held-out images/, "该网络在留出的图片上不明显优于随机猜测"],
      [/ \(it gets (\d+) of (\d+) right, lower 95% bound ([\d.]+%); guessing gets ([\d.]+%)\)/, "（$2 张对 $1 张，95% 置信下限 $3；随机猜测：$4）"],
      [/ \(the best of them gets (\d+) of (\d+) right, lower 95% bound ([\d.]+%); guessing gets ([\d.]+%)\)/, "（其中最好的：$2 张对 $1 张，95% 置信下限 $3；随机猜测：$4）"],
      [/ \(there are no such images to evaluate it on\)/, "（没有可供评估的图片）"],
      [/, so no labels are checked\. /, "，因此没有检查任何标签。"],
      [/, so ([\d,]+) labels? (?:is|are) not checked\. /, "，因此 $1 个标签未检查。"],
      [/There are too few images to show it, even if every prediction were right\. Add photos/, "图片太少，即使全部正确也无法证明：请增加照片"],
      [/Use networks that were not trained on these images, as find-label-errors does/, "请用未用这些图片训练过的网络来判断，例如 find-label-errors"],
      [/Train longer, start from official weights, or add photos/, "请增加训练轮数或时间，从官方权重开始，或增加照片"],
      // Reasons why a request is refused.
      [/this page belongs to an earlier review; reload it/, "此页面属于之前的复核，请重新加载"],
      [/(.*) has already decided on this group; undo that decision first/, "$1 已处理该组，请先撤销该决定"],
      [/there is already a product '(.*)'; choose it from the list to merge the group into it/, "已有商品“$1”：请从列表中选择它来合并"],
      [/the gallery no longer has a product '(.*?)'(?:; did you mean (.*)\?)?/, "商品库中已没有商品“$1”"],
      [/all photos of the group are already enrolled as '(.*)'; discard it/, "该组的照片都已登记为“$1”，请舍弃该组"],
      [/all photos of the group were moved or modified, such as (.*); discover again/, "该组的照片都已移动或修改（例如 $1），请重新运行 gallery discover"],
      [/([\d,]+) photos? (?:was|were) moved or modified and (?:is|are) not enrolled/, "$1 张照片已移动或修改，未登记"],
      [/the photos are now filed under '(.*)'; undo it in the gallery\W+(.*)/, "这些照片现已归入“$1”，请在商品库中撤销：$2"],
      [/; group (\d+) is undone in the log, and in the gallery before the next decision/, "；第 $1 组在日志中已撤销，商品库将在下一个决定之前撤销"],
      [/the pending decision of (.*?) on group (\d+) cannot be applied and was undone\W+/, "$1 对第 $2 组未完成的决定无法执行，已撤销："],
      [/the pending undo of (.*?) on group (\d+) cannot be applied\W+/, "$1 对第 $2 组未完成的撤销无法执行："],
      ...GUARD_CHINESE,
      [/; /g, "；"],
    ],
    groups: {
      title: "新商品", kind: "类型", shown: "显示 {0} 组", shownOf: "符合条件 {0} 组，仅列出前 {1} 组，请进一步筛选", filterByClass: "按最相似的商品筛选", labelledAs: "", chooseClass: "这些照片是哪种商品？",
      searchClass: "输入新商品的名称，或查找已登记的商品", newClass: "新商品“{0}”", classes: "{0} 种商品",
      moreClasses: "{0} 种商品，继续输入可缩小范围", suggestion: "最相似",
      safety: "每个决定都会立即写入日志，并作为一次改动在商品库中执行；按 U 可一并撤销。",
      given: "是同一种商品吗？", suggested: "最相似的已登记商品", noProduct: "商品库中还没有商品",
      group: "第 {0} 组", photos: "{0} 张照片", morePhotos: "另有 {0} 张；", likeness: "组内相似度 {0}", similarity: "相似度 {0}",
      groupPicture: "第 {0} 组的照片", enrol: "登记为…", mergeInto: "并入 {0}", drop: "舍弃",
      didRelabel: "已登记为 {0}", didDrop: "已舍弃", cardLabel: "第 {0} 组，共 {1} 组，{2}。{3}", noSuggested: "没有可并入的商品，请按 E 命名。",
      allDecided: "所显示的组已全部处理。", nothing: "没有分组：未发现新商品。", nothingLeft: "这里已全部处理完，商品库已更新。决定记录：{0}",
      noMatch: "没有符合筛选条件的组。",
      keys: [["J ↓ →", "下一组"], ["E", "登记为新商品，或并入任一商品"], ["A", "并入最相似的商品"], ["D", "舍弃该组"], ["U", "撤销你的上一个决定（商品库同步撤销）"], ["↑ ←", "上一组"], ["N", "下一个未处理的组"], ["Enter", "放大第一张照片"], ["/", "按最相似的商品筛选"], ["?", "显示本说明"]],
      kinds: { new: "新商品？", changed: "包装有变化？" },
    },
  },
};
let code = "en";
let language = WORDS.en;
let words = language;  // the mode's texts take precedence over the language's
let mode = "suspects";

export function chooseLanguage(wanted) {
  setLanguage(firstLanguage(wanted), false);
}

// Set what is under review: "suspects" or "groups".
export function setMode(wanted) {
  mode = wanted;
}

export function otherLanguage() {
  return code === "en" ? "zh" : "en";
}

export function otherName() {
  return WORDS[otherLanguage()].name;
}

export function setLanguage(chosen, save = true) {
  code = chosen;
  language = WORDS[code];
  words = { ...language, ...language[mode] };
  if (save) remember(code);
  translateDocument(code, words);
}

export function say(key, ...values) {
  return fill(words[key], values);
}

export function keyList() {
  return words.keys;
}

export function kindName(kind) {
  return words.kinds[kind] ?? kind;
}

export function detailText(detail) {
  return translated(detail, words.details);
}

export function splitName(split) {
  return words.splits[split] ?? split;
}
