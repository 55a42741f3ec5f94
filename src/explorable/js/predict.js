// A question that keeps the controls until it is answered, or waived. The reveal shows the state
// that it is about.

import { button, make } from "./dom.js";

let serial = 0;

/** `reveal()` opens the figure and moves it; `memory` keeps the answer over a reload. */
export function prediction({ question, options, answer, because }, memory, reveal) {
  const group = `xp-predict-${++serial}`;
  const radio = (value) => make("input", { type: "radio", name: group, value });
  const radios = options.map(radio);
  const check = button("Check my prediction", () => settle(chosen()), { disabled: true });
  const skip = button("Show without guessing", () => settle(""));
  const asked = make("fieldset", {}, [
    make("legend", {}, [question]),
    ...radios.map((each, i) => make("label", {}, [each, ` ${options[i]}`])),
    check,
    skip,
  ]);
  const verdict = make("summary", {});
  const answered = make("details", { class: "xp-answered", hidden: true }, [
    verdict,
    make("p", {}, [question]),
    make("p", {}, [because]),
  ]);
  const said = make("div", { class: "xp-said", role: "status" });
  const chosen = () => radios.find((each) => each.checked)?.value;
  asked.addEventListener("change", () => {
    check.disabled = !chosen();
  });

  function fold(guess, open) {
    verdict.textContent = words(guess, answer);
    asked.hidden = true;
    answered.hidden = false;
    answered.open = open && because !== "";
  }
  function settle(guess) {
    memory.write(guess);
    reveal();
    fold(guess, true);
    said.textContent = `${verdict.textContent} ${because}`;
    verdict.focus(); // the button that had the focus is gone
  }
  return {
    element: make("div", { class: "xp-predict" }, [asked, answered, said]),
    open: () => !asked.hidden,
    /** The figure was opened by a link, or the question was answered before. */
    fold: (guess) => fold(guess, false),
    /** The reader goes on: one line is left. */
    rest() {
      answered.open = false;
    },
  };
}

function words(guess, answer) {
  if (!guess) return `The answer: ${answer}.`;
  if (guess === answer) return `Your prediction holds: ${answer}.`;
  return `You predicted: ${guess}. It is: ${answer}.`;
}

/** What the browser remembers of a figure; nothing where it may not. */
export class Memory {
  constructor(id) {
    this.key = `explorable ${id}`;
  }

  read() {
    try {
      return localStorage.getItem(this.key);
    } catch {
      return null;
    }
  }

  write(guess) {
    try {
      localStorage.setItem(this.key, guess);
    } catch {
      // a private window, or a frame without storage: asked again next time
    }
  }
}
