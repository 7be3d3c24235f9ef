// The service's messages for users: problems as sentences, and Chinese translations of its English texts.

import { GUARD_CHINESE } from "./look/guard.js";
import { translated } from "./look/language.js";
import { languageCode, say } from "./words.js";

const CHINESE = [
  // Reasons why an image cannot be used.
  [/^zero bytes$/, "空文件"], [/^not an image$/, "不是图片"], [/^header truncated or damaged$/, "文件头不完整或已损坏"],
  [/^truncated$/, "文件不完整"], [/^damaged$/, "文件已损坏"], [/^too many pixels$/, "像素过多"], [/^unsupported colour mode$/, "不支持的颜色模式"],
  [/^not enough memory to decode$/, "内存不足，无法解码"], [/^.*pillow-heif.*$/, "此服务未安装 HEIC 支持"],
  // Changes of the gallery.
  [/^added ([\d,]+) photos? of (.*)$/, (whole, photos, skus) => `为 ${names(skus)}添加了 ${photos} 张照片`], [/^removed ([\d,]+) photos? of (.*)$/, "移除了 $2 的 $1 张照片"],
  [/^renamed (.*) to (.*)$/, "将 $1 改名为 $2"], [/^merged (.*) into (.*)$/, (whole, skus, into) => `将 ${names(skus)}并入 ${into}`], [/^restored version (\d+)$/, "恢复到版本 $1"],
  [/^recomputed ([\d,]+) vectors?.*$/, "重新计算了 $1 个向量"], [/^created$/, "新建商品库"], [/^deleted earlier versions$/, "删除了早期版本"],
  [/^calibrated on ([\d,]+) photos? for ([\d.]+%) false accepts$/, "用 $1 张照片校准，未知物体误收率为 $2"],
  // Reasons why a change is refused.
  [/^there is no product '(.*?)'(?:; did you mean (.*)\?)?$/, "没有商品“$1”"],
  [/^there is already a product '(.*)'.*$/, "已有商品“$1”；若是同一商品，请合并"],
  [/^a product's name must be printable.*$/, "商品名称须为可显示的字符，首尾不能有空格"],
  [/^no image can be used: (.*?): (.*)$/, (whole, name, reason) => `图片无法使用：${name}：${translated(reason, CHINESE.slice(0, 9))}`],
  [/^the image cannot be used: (.*)$/, (whole, reason) => `图片无法使用：${translated(reason, CHINESE.slice(0, 9))}`],
  [/^the gallery has versions (\d+) to (\d+)$/, "商品库只有版本 $1 至 $2"],
  [/^a request may have at most ([\d,]+) images?$/, "单次请求最多 $1 张图片"], [/^a request may have at most (\d+) bytes$/, "单次请求最多 $1 字节"],
  [/^the queue holds at most ([\d,]+) images?$/, "队列最多容纳 $1 张图片"],
  [/^this request needs a key with the role (\w+); yours has (\w+)$/, "此操作需要 $1 权限的密钥，当前密钥为 $2 权限"],
  [/^one answer for several photos needs a gallery.*$/, "合并作答需要商品库"],
];

// Several products, of which the service lists a few.
function names(skus) {
  return `${skus.replace(/ and ([\d,]+) more$/, " 及另外 $1 种商品").replaceAll(", ", "、")} `;
}

// The service's English text in the user's language. Unknown texts are returned unchanged.
export function serverText(text) {
  return languageCode() === "en" ? text : translated(text, [...CHINESE, ...GUARD_CHINESE]);
}

// A sentence for a problem: the cause and the remedy.
export function problemText(problem) {
  if (problem.name === "AbortError") return say("stopped");
  switch (problem.status) {
    case 0: return say("lost");
    case 401: return say("needsKey");
    case 413: return say("tooLarge", serverText(problem.detail));
    case 408: return say("tooSlow");
    case 429: return say("busy", problem.retryAfter ?? 1);
    case 500: return say("fault", problem.requestId);
    case 503: return say("notReady");
    case 504: return say("deadline");
    default: return serverText(problem.detail) || say("unexpected", problem.status ?? String(problem));
  }
}

// The reasons why the images of a refused request cannot be used, in order; null if it was refused for another reason.
export function imageErrors(problem) {
  const errors = problem.status === 422 ? problem.more?.errors ?? [] : [];
  return errors.length ? errors.map((each) => each.what) : null;
}
