// Part of the module that widget.py joins: what a reader does with a figure besides moving its sliders.

/** Sets parameters, named with their indices. */
function put(model, spec, at) {
  for (const { name, trait } of spec.params) {
    if (name in at) model.set(trait, typeof model.get(trait) === "boolean" ? !!at[name] : at[name]);
  }
  model.save_changes();
}

/** The number of the state with these indices. */
const stateOf = (spec, at) => spec.params.reduce((n, p, i) => n * p.labels.length + at[i], 0);
const indices = (model, spec) => spec.params.map((p) => Number(model.get(p.trait)));

/** The numbered buttons: each sets every parameter at once. */
function cases(model, spec) {
  const buttons = model.get("cases").map(({ label, at }) => {
    const button = make("button", { type: "button" }, [label]);
    button.addEventListener("click", () => put(model, spec, at));
    return button;
  });
  const update = () => buttons.forEach((button, i) => {
    const at = model.get("cases")[i].at;
    button.disabled = model.get("locked");
    button.setAttribute("aria-pressed", spec.params.every((p) => !(p.name in at) || Number(model.get(p.trait)) === at[p.name]));
  });
  return { element: make("div", { class: "xp-cases", role: "group", "aria-label": "cases" }, buttons), update };
}

/** The question that hides the figure until it is answered, or waived. */
function prediction(model, uid) {
  const { question, options, answer, because } = model.get("predict");
  const verdict = make("p", { class: "xp-verdict", role: "status" });
  const show = make("button", { type: "button", disabled: "" }, ["Check my prediction"]);
  const skip = make("button", { type: "button" }, ["Show without guessing"]);
  const radios = options.map((option) => make("input", { type: "radio", name: `${uid}-predict`, value: option }));
  const box = make("fieldset", { class: "xp-predict" }, [
    make("legend", {}, [question]), ...radios.map((radio, i) => make("label", {}, [radio, " ", options[i]])), show, skip, verdict]);
  const chosen = () => radios.find((radio) => radio.checked)?.value;
  const reveal = (guess) => {
    const said = guess === undefined ? `The answer: ${answer}.`
      : guess === answer ? `Your prediction holds: ${answer}.` : `You predicted: ${guess}. The figure shows: ${answer}.`;
    verdict.textContent = `${said} ${because}`;
    model.set("locked", false);
    model.save_changes();
  };
  box.addEventListener("change", () => { show.disabled = !chosen(); });
  show.addEventListener("click", () => reveal(chosen()));
  skip.addEventListener("click", () => reveal(undefined));
  const update = () => {
    const locked = model.get("locked");
    show.hidden = skip.hidden = !locked;
    radios.forEach((radio) => { radio.disabled = !locked; });
    if (!locked && !verdict.textContent) verdict.textContent = `The answer: ${answer}. ${because}`;
  };
  return { element: box, update };
}

/** A point that follows the pointer, among the places where its parameters can put it. */
function dragging(model, spec, frames, svg) {
  const { params, box: [x, y, width, height] } = spec.drag, slot = frames.slots.get(spec.drag.slot);
  const shape = (tag, attributes) => {
    const element = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return svg.appendChild(element);
  };
  const area = shape("rect", { class: "xp-area", x, y, width, height });           // for the mouse: anywhere in the axes
  const grip = shape("circle", { class: "xp-grip", r: Math.min(width, height) / 10 });      // for fingers, which also scroll
  let places = null;                                                                // known while the pointer is down
  function find() {
    const now = indices(model, spec), found = [];
    const lengths = params.map((i) => spec.params[i].labels.length);
    for (let n = 0; n < lengths.reduce((a, b) => a * b); n++) {
      const at = [...now];
      params.reduceRight((rest, i, k) => { at[i] = rest % lengths[k]; return Math.floor(rest / lengths[k]); }, n);
      const centre = frames.centre(slot, stateOf(spec, at));
      if (centre) found.push([...centre, at]);
    }
    return found;
  }
  function follow(event) {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const far = ([u, v]) => (u - x) ** 2 + (v - y) ** 2;
    const nearest = places.reduce((best, place) => (!best || far(place) < far(best) ? place : best), null);
    if (!nearest) return;
    const chosen = params.filter((i) => nearest[2][i] !== Number(model.get(spec.params[i].trait)));
    if (chosen.length) put(model, spec, Object.fromEntries(chosen.map((i) => [spec.params[i].name, nearest[2][i]])));
  }
  for (const element of [area, grip]) {
    element.addEventListener("pointerdown", (event) => {
      if (model.get("locked") || event.button || (element === area && event.pointerType === "touch")) return;
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
      places = find();
      follow(event);
    });
    element.addEventListener("pointermove", (event) => { if (places) follow(event); });
    for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => { places = null; });
  }
  area.addEventListener("click", (event) => {                                       // a finger's tap
    if (model.get("locked")) return;
    places = find();
    follow(event);
    places = null;
  });
  return {
    update() {
      const centre = frames.centre(slot, stateOf(spec, indices(model, spec)));
      grip.style.display = centre ? "" : "none";
      if (centre) { grip.setAttribute("cx", centre[0]); grip.setAttribute("cy", centre[1]); }
    },
  };
}

/** A button that keeps the best state of each kind in the picture. */
function register(model, spec, frames, painter, svg) {
  const { each, scores, unit, refusal, button } = spec.register;
  const enter = make("button", { type: "button" }, [button]), again = make("button", { type: "button" }, ["Start again"]);
  const said = make("p", { class: "xp-registered", role: "status" });
  const layers = spec.register.slots.map((number) => {
    const group = svg.querySelector(`[data-slot="${number}"]`), layer = document.createElementNS(NS, "g");
    layer.setAttribute("class", "xp-data xp-kept");
    group.before(layer);
    return [frames.slots.get(number), layer];
  });
  const of = (state) => {                                                           // the indices of a state's kind
    const at = [];
    spec.params.reduceRight((rest, p, i) => { at[i] = rest % p.labels.length; return Math.floor(rest / p.labels.length); }, state);
    return each.map((i) => at[i]);
  };
  const kinds = each.reduce((n, i) => n * spec.params[i].labels.length, 1);
  const write = (score) => `${Number(score.toPrecision(4))} ${unit}`.trim();
  enter.addEventListener("click", () => {
    const at = indices(model, spec), state = stateOf(spec, at), kept = model.get("registered");
    const words = spec.params.map((p, i) => `${p.name.replaceAll("_", " ")} ${p.labels[at[i]]}`).join(", ");
    const rival = kept.find((other) => `${of(other)}` === `${of(state)}`), score = scores[state];
    if (score === null) said.textContent = `Not registered (${words}): ${refusal}.`;
    else if (rival !== undefined && scores[rival] <= score) {
      said.textContent = rival === state ? `Registered already: ${words}, ${write(score)}.`
        : `Not registered: ${words}, ${write(score)}; the best so far has ${write(scores[rival])}.`;
    } else {
      model.set("registered", [...kept.filter((other) => other !== rival), state]);
      model.save_changes();
      const before = rival === undefined ? "" : `, before ${write(scores[rival])}`;
      said.textContent = `Registered: ${words}, ${write(score)}${before}. ${model.get("registered").length} of ${kinds}.`;
    }
  });
  again.addEventListener("click", () => {
    model.set("registered", []);
    model.save_changes();
    said.textContent = "";
  });
  const update = () => {
    const kept = model.get("registered");
    enter.disabled = model.get("locked");
    again.hidden = !kept.length;
    for (const [slot, layer] of layers) {
      while (layer.children.length > kept.length) layer.lastChild.remove();
      kept.forEach((state, i) => {
        const group = layer.children[i] || layer.appendChild(document.createElementNS(NS, "g"));
        if (group.gtState !== state) painter.paint(group, frames.open(slot, frames.frame(slot, state)));
        group.gtState = state;
      });
    }
  };
  return { element: make("div", { class: "xp-register" }, [enter, " ", again, said]), update };
}
