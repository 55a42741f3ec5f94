// Numbers and choices are answered on the page itself: the output of `check` becomes a form. The
// sentences are those of gradtrace.notebook.exercises.

(() => {
  "use strict";

  const decode = (code) => {
    const bytes = Uint8Array.from(atob([...code].reverse().join("")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  };

  const notYet = (what) => ({ right: false, said: `Not yet: ${what}` });
  const right = ({ why }) => ({ right: true, said: `Right. ${why}`.trim() });
  const near = (x, a, rtol) => Math.abs(x - a) <= (a === 0 ? 1e-9 : rtol * Math.abs(a));
  const allNear = (xs, as, rtol) => xs.length === as.length && xs.every((x, i) => near(x, as[i], rtol));

  const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^[+-]?Infinity$/i;

  /** "3e-5", "1/3", "-2": a number, or NaN. */
  function parse(text) {
    const parts = text.replaceAll("−", "-").split("/").map((part) => part.trim());
    if (parts.length > 2 || !parts.every((part) => NUMBER.test(part))) return NaN;
    const [above, below = 1] = parts.map(Number);
    return above / below;
  }

  function slip(x, a, rtol) {
    if (near(x, a, rtol)) return "";
    if (!Number.isFinite(x)) return "it is not a finite number";
    if (near(-x, a, rtol)) return "the sign is the other one";
    if (x !== 0 && a !== 0) {
      if (near(1 / x, a, rtol)) return "it is the other way up: one over it";
      const tens = Math.round(Math.log10(Math.abs(x)) - Math.log10(Math.abs(a)));
      const digits = Math.sign(x) * 10 ** (Math.log10(Math.abs(x)) - tens);
      if (tens && near(digits, a, rtol)) {
        return "the digits are right, the power of ten is another";
      }
      const counted = Number.isInteger(x) && Number.isInteger(a); // 21 for 20 is not imprecise
      if (Math.abs(x - a) <= 0.05 * Math.abs(a) && !counted) return "you are near; give it more precisely";
    }
    return x < a ? "too small" : "too large";
  }

  function judgeNumber(exercise, text) {
    const { answer, rtol, hints } = exercise;
    const row = text.replace(/^[[(]|[\])]$/g, "").split(/[,;]/).map((part) => part.trim());
    const numbers = (answer.length === 1 ? [text.trim()] : row).map(parse);
    if (numbers.length !== answer.length) return notYet(`${answer.length} numbers are expected.`);
    if (numbers.some(Number.isNaN)) return notYet("a number is expected, such as 0.25, 1/4 or 2.5e-1.");
    if (allNear(numbers, answer, rtol)) return right(exercise);
    const hint = hints.find(([wrong]) => allNear(numbers, wrong, rtol));
    if (hint) return notYet(hint[1]);
    const slips = numbers.map((x, i) => slip(x, answer[i], rtol));
    if (slips.length === 1) return notYet(`${slips[0]}.`);
    const first = slips.findIndex((each) => each !== "");
    return notYet(`number ${first + 1} in the row: ${slips[first]}.`);
  }

  function judgeChoice(exercise, chosen) {
    if (chosen === exercise.answer) return right(exercise);
    return notYet(exercise.hints[chosen] ?? `it is not '${chosen}'.`);
  }

  const make = (name, attributes, children = []) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };

  let serial = 0;
  function form(exercise) {
    const id = `exercise-${++serial}`;
    const said = make("p", { class: "exercise-said", role: "status" });
    const button = make("button", { type: "submit" }, ["Check"]);
    let asked, answer;
    if (exercise.kind === "number") {
      const many = exercise.answer.length > 1 ? "Your answers, with commas" : "Your answer";
      const field = make("input", { id, type: "text", autocomplete: "off", spellcheck: "false" });
      const label = make("label", { for: id }, [many]);
      asked = [label, field, ...(exercise.unit ? [` ${exercise.unit} `] : [])];
      answer = () => field.value.trim();
    } else {
      const radios = exercise.options.map((value) => make("input", { type: "radio", name: id, value }));
      const labels = radios.map((each) => make("label", {}, [each, ` ${each.value}`]));
      asked = [make("fieldset", {}, [make("legend", {}, ["Your answer"]), ...labels])];
      answer = () => radios.find((each) => each.checked)?.value ?? "";
    }
    const judge = exercise.kind === "number" ? judgeNumber : judgeChoice;
    const element = make("form", { class: "exercise-form" }, [...asked, button, said]);
    element.addEventListener("submit", (event) => {
      event.preventDefault();
      const yours = answer();
      const verdict = yours ? judge(exercise, yours) : { right: false, said: "Not answered yet." };
      said.textContent = verdict.said;
      said.dataset.right = verdict.right;
    });
    return element;
  }

  for (const place of document.querySelectorAll(".exercise[data-exercise]")) {
    const exercise = decode(place.dataset.exercise);
    if (exercise.kind === "function") {
      const { content_root: root } = document.documentElement.dataset;
      const how = make("a", { href: `${root}book/how-to-read.html#the-code` }, ["in JupyterLab"]);
      place.replaceChildren("You write this function ", how, ": it is tested there, as you run the cell.");
    } else {
      place.replaceChildren(form(exercise));
    }
  }
  window.exercises = { decode };
})();
