// The state of a figure: an index for each parameter, kept in the traits of its model.

/** Parameters are `{ name, trait, kind, labels }`; `kind` is "slider", "choice" or "check". */
export class State {
  constructor(model, params) {
    this.model = model;
    this.params = params;
    this.acts = new Set();
    this.setting = false; // no act hears of a state that is half set
  }

  /** The index of every parameter. */
  at() {
    return this.params.map((p) => this.index(p));
  }

  /** The index of one parameter; the trait of a yes-or-no is a boolean. */
  index({ trait }) {
    return Number(this.model.get(trait));
  }

  /** The number of a state: the last parameter moves fastest. */
  number(at = this.at()) {
    return this.params.reduce((n, p, i) => n * p.labels.length + at[i], 0);
  }

  /** The indices of a numbered state. */
  split(number) {
    const at = [];
    for (let i = this.params.length - 1; i >= 0; i--) {
      const n = this.params[i].labels.length;
      at[i] = number % n;
      number = Math.floor(number / n);
    }
    return at;
  }

  /** Set some parameters, given by name and index; true if that changes the state. */
  set(indices) {
    const differs = (p) => p.name in indices && indices[p.name] !== this.index(p);
    const changed = this.params.filter(differs);
    if (!changed.length) return false;
    this.setting = true;
    for (const { name, trait, kind } of changed) {
      this.model.set(trait, kind === "check" ? Boolean(indices[name]) : indices[name]);
    }
    this.setting = false;
    this.acts.forEach((act) => act());
    this.model.save_changes();
    return true;
  }

  /** Whether these parameters stand at these indices. */
  is(indices) {
    return this.params.every((p) => !(p.name in indices) || indices[p.name] === this.index(p));
  }

  /** The state in words. */
  words(at = this.at()) {
    return this.params.map((p, i) => `${spoken(p.name)} ${p.labels[at[i]]}`).join(", ");
  }

  /** The state as it stands in an address. */
  query() {
    const at = this.at();
    return String(new URLSearchParams(this.params.map((p, i) => [p.name, p.labels[at[i]]])));
  }

  /** The indices that an address names; what names no parameter or no value of it is left out. */
  parse(query) {
    const found = {};
    for (const [key, text] of new URLSearchParams(query)) {
      const param = this.params.find((p) => plain(p.name) === plain(key));
      const index = param ? lookUp(param, text) : -1;
      if (index >= 0) found[param.name] = index;
    }
    return found;
  }

  /** Call `act` after every change of the state; returns what ends it. */
  watch(act) {
    const heard = () => {
      if (!this.setting) act();
    };
    this.acts.add(act);
    this.params.forEach((p) => this.model.on(`change:${p.trait}`, heard));
    return () => {
      this.acts.delete(act);
      this.params.forEach((p) => this.model.off(`change:${p.trait}`, heard));
    };
  }
}

/** A parameter's name as it is read. */
export const spoken = (name) => name.replaceAll("_", " ");

const plain = (name) => name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");

function lookUp({ kind, labels }, text) {
  if (kind === "check" && ["true", "false"].includes(text)) return text === "true" ? 1 : 0;
  const equal = (label) => text.trim() !== "" && Number(label) === Number(text); // 1.20 is 1.2
  return labels.findIndex((label) => label === text || equal(label));
}
