// Browse questions from a disk: no server, so data come as scripts that call `ain.index` and `ain.chunk`.
// Texts of data are only ever set as texts of elements, never as markup.
"use strict";

const $ = (id) => document.getElementById(id);
const MARKS = {
  r: ["✓", "good"], p: ["≈", "soft"], w: ["✗", "bad"], u: ["?", "bad"], a: ["∅", "bad"], n: ["·", "soft"],
};
const [BENCHMARK, KIND, LANGUAGE, CONDITION] = [0, 1, 2, 3]; // columns of the index
const AROUND = 6; // rows above and below the visible ones
const AT_ONCE = 8; // files that a search loads together

let index, found = [], at = 0, search = 0;
const chunks = new Map(); // number → its questions; null where the file is missing
const waiting = new Map(); // number → promise
const plain = new Map(); // question → its text as the search compares it

window.ain = {
  index(data) { index = data; start(); },
  chunk(number, questions) { chunks.set(number, questions); },
};

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// A text: a string in its language's direction, or [direction, piece, Latin piece, piece, ...].
function shown(text, language) {
  const [direction, ...pieces] = typeof text === "string" ? [language[2], text] : text;
  const made = element("bdi", direction === "auto" ? { dir: "auto" } : { dir: direction, lang: language[0] });
  pieces.forEach((piece, i) => made.append(i % 2 ? element("bdi", { dir: "ltr" }, piece) : piece));
  return made;
}

const joined = (text) => (typeof text === "string" ? text : text.slice(1).join(""));
const count = () => index.columns[BENCHMARK].length;
const language = (n) => index.languages[index.columns[LANGUAGE][n]];
const chunkOf = (n) => Math.floor(n / index.chunk);
const letter = (model, n) => index.answers[model][n];

function load(number) {
  if (!waiting.has(number)) {
    waiting.set(number, new Promise((resolve) => {
      const script = element("script", { src: `data/${String(number).padStart(4, "0")}.js` });
      script.onerror = () => { chunks.set(number, null); resolve(); };
      script.onload = resolve;
      document.head.append(script);
    }));
  }
  return waiting.get(number);
}

function question(n) {
  const chunk = chunks.get(chunkOf(n));
  return chunk && chunk[n % index.chunk];
}

// Filters

const chosen = (id) => ($(id) ? $(id).value : "");
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

function searched(n) {
  if (!plain.has(n)) {
    const one = question(n);
    const answers = one.answers.filter(Boolean).map((answer) => answer.text || "");
    const texts = [one.question, ...one.labels, ...one.options, ...answers].map(joined);
    plain.set(n, folded([one.id, ...texts].join("\n")));
  }
  return plain.get(n);
}

function comesOut(outcome, models, n) {
  if (!outcome) return true;
  if (outcome === "disagree") {
    const all = new Set(index.answers.map((of) => of[n].toLowerCase()).filter((one) => "rpwua".includes(one)));
    return all.size > 1 && (all.has("r") || all.has("p"));
  }
  return models.some((model) => {
    const one = letter(model, n);
    if (outcome === "cut") return one !== one.toLowerCase();
    return outcome === "not-right" ? "pwua".includes(one.toLowerCase()) : one.toLowerCase() === outcome;
  });
}

function filtered() {
  const models = chosen("model") ? [Number(chosen("model"))] : index.models.map((_, i) => i);
  const fixed = [["benchmark", BENCHMARK], ["kind", KIND], ["language", LANGUAGE], ["condition", CONDITION]];
  const wanted = fixed.filter(([id]) => chosen(id)).map(([id, column]) => [index.columns[column], Number(chosen(id))]);
  const domains = [...new Set(index.kinds.map(([domain]) => domain))];
  const domain = chosen("domain") && domains[Number(chosen("domain"))];
  const text = folded(chosen("text").trim());
  return Array.from({ length: count() }, (_, n) => n).filter((n) =>
    wanted.every(([column, value]) => column[n] === value)
    && (!chosen("domain") || index.kinds[index.columns[KIND][n]][0] === domain)
    && comesOut(chosen("outcome"), models, n)
    && (!text || (question(n) && searched(n).includes(text))));
}

function filter() {
  const before = found[at];
  found = filtered();
  at = Math.max(0, found.indexOf(before));
  say("");
  draw();
  if (found.length) go(at);
  else show();
}

const counted = (number) => number.toLocaleString("en");
const say = (more) => { $("said").textContent = `${counted(found.length)} of ${counted(count())} questions${more}`; };

// A search needs all texts. It loads them once, and finds more as they come.
async function find() {
  const mine = ++search, last = Math.ceil(count() / index.chunk);
  if (chosen("text").trim()) {
    for (let first = 0; first < last; first += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, last - first) }, (_, i) => first + i);
      if (numbers.every((number) => chunks.has(number))) continue;
      await Promise.all(numbers.map(load));
      if (mine !== search) return;
      say(`; read ${counted(Math.min(count(), (first + AT_ONCE) * index.chunk))} of their texts`);
    }
  }
  if (mine === search) filter();
}

// The list: only rows in sight are in the page.

const height = () => 2.75 * parseFloat(getComputedStyle(document.documentElement).fontSize);

function marks(n) {
  return index.models.flatMap((model, i) => {
    const one = letter(i, n).toLowerCase();
    if (!MARKS[one]) return [element("span", { class: "soft", "aria-hidden": "true" }, " ")];
    const said = `${model}: ${index.outcomes[one]}. `;
    return [
      element("span", { class: MARKS[one][1], title: said, "aria-hidden": "true" }, MARKS[one][0]),
      element("span", { class: "hidden" }, said),
    ];
  });
}

function row(place) {
  const n = found[place], one = question(n);
  const made = element("div", {
    class: "row", role: "option", id: `row-${n}`, "aria-selected": String(place === at),
    "aria-posinset": place + 1, "aria-setsize": found.length, style: `top: ${place * height()}px`,
  });
  const text = one ? shown(one.question, language(n)) : element("bdi", {}, "…");
  made.append(element("span", { class: "soft" }, String(n + 1)), text, ...marks(n));
  made.addEventListener("click", () => go(place));
  return made;
}

function draw() {
  const list = $("list"), first = Math.max(0, Math.floor(list.scrollTop / height()) - AROUND);
  const last = Math.min(found.length, Math.ceil((list.scrollTop + list.clientHeight) / height()) + AROUND);
  const space = element("div", { role: "presentation", style: `height: ${found.length * height()}px` });
  const places = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  list.replaceChildren(space, ...places.map(row));
  if ($(`row-${found[at]}`)) list.setAttribute("aria-activedescendant", `row-${found[at]}`);
  else list.removeAttribute("aria-activedescendant");
  const missing = new Set(places.map((place) => chunkOf(found[place])).filter((number) => !chunks.has(number)));
  if (missing.size) Promise.all([...missing].map(load)).then(draw);
}

// One question

function answer(one, model, n) {
  const said = letter(model, n).toLowerCase(), [mark, kind] = MARKS[said] || ["", "soft"];
  const scores = Object.entries(one.scores).map(([name, score]) => `${name} ${score}`).join(", ");
  const read = one.read && joined(one.read) !== joined(one.text || "") ? shown(one.read, language(n)) : null;
  const known = [["read as", read], ["why", one.why], ["scores", scores], ["ended", one.ended]];
  const facts = known.filter(([, value]) => value);
  return element("article", { class: "card" },
    element("h3", {}, index.models[model]),
    element("b", { class: kind }, `${mark} ${index.outcomes[said]}`),
    element("p", { class: "text answer" }, one.text ? shown(one.text, language(n)) : "(no text)"),
    element("dl", {}, ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)])));
}

function image([file, width, height], i, id) {
  const source = `images/${encodeURIComponent(file)}`;
  const tiny = Math.max(width, height) < 160 ? { class: "tiny" } : {};
  const alt = `image ${i + 1} of question ${id}`;
  return element("a", { href: source }, element("img", { src: source, width, height, loading: "lazy", alt, ...tiny }));
}

function detail(n, one) {
  const own = language(n), [benchmark, kind, , condition] = index.columns.map((column) => column[n]);
  const about = [index.benchmarks[benchmark], ...index.kinds[kind], own[1], index.conditions[condition]];
  const labels = one.labels.map((label) => element("p", { class: "text answer" }, shown(label, own)));
  const options = one.options.map((option) => element("li", {}, shown(option, own)));
  return [
    element("p", { class: "soft" }, ...about.flatMap((said, i) => [i ? ", " : "", element("bdi", {}, said)])),
    element("div", { class: "shown" }, ...one.images.map((each, i) => image(each, i, one.id))),
    element("h3", {}, "Question"), element("p", { class: "text" }, shown(one.question, own)),
    options.length ? element("ol", { class: "text", dir: own[2] }, ...options) : "",
    element("h3", {}, labels.length > 1 ? "Labels" : "Label"),
    ...(labels.length ? labels : [element("p", { class: "soft" }, "(no label)")]),
    element("h3", {}, "Answers"),
    element("div", { class: "cards answers" }, ...one.answers.map((each, model) => each && answer(each, model, n))),
  ];
}

async function show() {
  const n = found[at];
  $("previous").disabled = at <= 0;
  $("next").disabled = at >= found.length - 1;
  $("place").textContent = found.length ? `${counted(at + 1)} of ${counted(found.length)}` : "";
  draw();
  if (n === undefined) {
    $("title").textContent = "No question fits";
    return $("question").replaceChildren();
  }
  history.replaceState(null, "", `#${n + 1}`);
  await load(chunkOf(n));
  if (found[at] !== n) return; // the reader went on
  const one = question(n);
  $("title").replaceChildren(`${n + 1}. `, element("bdi", {}, one ? one.id : `The file of this question is missing`));
  $("question").replaceChildren(...(one ? detail(n, one) : []));
}

function go(place) {
  if (place < 0 || place >= found.length) return;
  at = place;
  const list = $("list"), top = at * height();
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + height() > list.scrollTop + list.clientHeight) list.scrollTop = top + height() - list.clientHeight;
  show();
}

function pressed(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (["INPUT", "SELECT"].includes(event.target.tagName)) return;
  const page = Math.max(1, Math.floor($("list").clientHeight / height()) - 1), last = found.length - 1;
  const steps = { ArrowLeft: at - 1, ArrowRight: at + 1 };
  const pages = { Home: 0, End: last, PageUp: Math.max(0, at - page), PageDown: Math.min(last, at + page) };
  const inList = { ArrowUp: at - 1, ArrowDown: at + 1, ...pages };
  const place = event.target === $("list") ? { ...steps, ...inList }[event.key] : steps[event.key];
  if (place !== undefined) {
    event.preventDefault();
    go(place);
  }
}

function start() {
  let timer;
  $("app").hidden = false;
  document.querySelectorAll("#app select").forEach((each) => each.addEventListener("change", find));
  $("text").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(find, 250); });
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  $("list").addEventListener("scroll", () => requestAnimationFrame(draw));
  $("previous").addEventListener("click", () => go(at - 1));
  $("next").addEventListener("click", () => go(at + 1));
  document.addEventListener("keydown", pressed);
  window.addEventListener("hashchange", jump);
  window.addEventListener("resize", draw);
  found = filtered();
  at = Math.max(0, found.indexOf(addressed()));
  filter();
}

// The address names a question by its number: #12.
const addressed = () => Number(location.hash.slice(1)) - 1;

function jump() {
  const place = found.indexOf(addressed());
  if (place >= 0 && place !== at) go(place);
}
