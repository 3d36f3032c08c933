"use strict";
const { scene, plots, moments } = JSON.parse(document.getElementById("data").textContent);
const canvas = document.getElementById("picture");
const pen = canvas.getContext("2d");
const slider = document.getElementById("time");
const button = document.getElementById("play");
const seen = document.getElementById("seen");
const now = document.getElementById("now");
const side = canvas.width;
let colours = {};
let timer = 0;

const at = (x, y) => [(x + scene.view) / (2 * scene.view) * side, (scene.view - y) / (2 * scene.view) * side];
const dot = (x, y, radius, colour) => {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
};
const path = (points, colour, width, dash) => {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.setLineDash(dash || []);
  pen.beginPath();
  let down = false;
  points.forEach(([x, y]) => {
    if (y === null) { down = false; return; }
    if (down) { pen.lineTo(x, y); } else { pen.moveTo(x, y); }
    down = true;
  });
  pen.stroke();
  pen.setLineDash([]);
};
const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);

const surface = (levels) => {
  const n = Math.round(Math.sqrt(levels.length));
  const small = document.createElement("canvas");
  small.width = small.height = n;
  const image = small.getContext("2d").createImageData(n, n);
  levels.forEach((level, i) => {
    const share = level / 127.5 - 1;
    image.data.set([...(share > 0 ? [70, 140, 240] : [240, 130, 40]), 150 * Math.abs(share)], 4 * i);
  });
  small.getContext("2d").putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(small, 0, 0, side, side);
};

const drawings = {
  plane(moment) {
    surface(moment.surface);
    pairs(scene.real).forEach(([x, y]) => dot(...at(x, y), 3.5, colours.ink));
    const net = pairs(moment.lattice).map(([x, y]) => at(x, y));
    const n = Math.round(Math.sqrt(net.length));
    for (let i = 0; i < n; i += 1) {
      path(net.slice(i * n, (i + 1) * n), colours.net, 1.6);
      path(net.filter((_, k) => k % n === i), colours.net, 1.6);
    }
    const points = pairs(moment.points);
    pairs(moment.push).forEach(([u, v], i) => {
      const length = Math.hypot(u, v);
      const reach = 0.14 * scene.view * length / (length + 1) / Math.max(length, 1e-9);
      const [x, y] = points[i];
      path([at(x, y), at(x + u * reach, y + v * reach)], colours.red, 3);
    });
    points.forEach(([x, y]) => dot(...at(x, y), 5, colours.green));
  },
  line(moment) {
    const floor = side * 0.62, ceiling = side * 0.05, below = side * 0.93;
    const top = 1.6 * Math.max(...scene.real);
    const curve = (values, most) => values.map((v, i) => [i / (values.length - 1) * side, v === null ? null : floor - Math.min(v / most, 1) * (floor - ceiling)]);
    const half = (floor + ceiling) / 2;
    path([[0, half], [side, half]], colours.rule, 2);
    path(curve(moment.density, top), colours.green, 6);
    curve(scene.real, top).forEach(([x, y]) => dot(x, y, 4, colours.ink));
    if (moment.best) { path(curve(moment.best, 1), colours.blue, 1.5); }
    path(curve(moment.D, 1), colours.blue, 5, [16, 12]);
    path([[0, floor], [side, floor]], colours.ink, 2);
    path([[0, below], [side, below]], colours.ink, 2);
    moment.z.forEach((z, i) => path([[(z + 2.6) / 5.2 * side, below], [(moment.x[i] + scene.view) / (2 * scene.view) * side, floor]], colours.soft, 2));
    pen.fillStyle = colours.ink;
    pen.font = "30px system-ui, sans-serif";
    [["x", floor], ["z", below]].forEach(([text, y]) => pen.fillText(text, side - 28, y + 34));
    pen.fillText("D = 1/2", 8, half - 10);
  },
  dirac(_, index) {
    path([at(-scene.view, 0), at(scene.view, 0)], colours.rule, 2);
    path([at(0, -scene.view), at(0, scene.view)], colours.rule, 2);
    const field = pairs(scene.field);
    for (let i = 0; i < field.length; i += 2) {
      const [x, y] = field[i], [u, v] = field[i + 1];
      const [tail, tip] = [at(x, y), at(x + u, y + v)];
      path([tail, tip], colours.soft, 2);
      dot(...tip, 4, colours.soft);
    }
    path(pairs(scene.closed).map(([x, y]) => at(x, y)), colours.ink, 2, [4, 8]);
    const orbit = [at(...scene.start), ...moments.slice(0, index + 1).map((each) => at(each.theta, each.psi))];
    path(orbit, colours.green, 4);
    dot(...at(0, 0), 8, colours.ink);
    dot(...orbit[orbit.length - 1], 12, colours.green);
    pen.fillStyle = colours.ink;
    pen.font = "30px system-ui, sans-serif";
    pen.fillText("θ: where G puts its point", side - 380, side / 2 - 12);
    pen.fillText("ψ: the slope of D", side / 2 + 14, 36);
  },
};

// What one sees, in one sentence.
const told = (moment) => {
  if (scene.kind === "dirac") {
    return "The point is " + moment.radius.toFixed(3) + " from the place where the game ends; the closed form says " + moment.closed.toFixed(3) + ".";
  }
  const apart = moment.real - moment.fake;
  const verdict = apart > 0.3 ? "it can tell them apart" : apart > 0.05 ? "it can tell some of them apart" : apart > -0.05 ? "it cannot tell them apart" : "it is mistaken";
  const heaps = scene.modes > 1 ? " G makes " + moment.modes + " of the " + scene.modes + " heaps." : "";
  return "D says " + moment.real.toFixed(2) + " of real points and " + moment.fake.toFixed(2) + " of generated ones: " + verdict + "." + heaps + " " + Math.round(100 * moment.good) + " % of the generated points lie where real ones do.";
};

// Curves.
const W = 300, H = 150, LEFT = 40, RIGHT = 42, TOP = 18, BOTTOM = 20;
const node = (name, attributes, text) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  if (text !== undefined) { made.textContent = text; }
  return made;
};
const last = Math.max(moments[moments.length - 1].seen, 1);
const across = (x) => LEFT + x / last * (W - LEFT - RIGHT);
const number = (v) => (Math.abs(v) >= 100 ? v.toFixed(0) : String(Number(v.toPrecision(2)))).replace("-", "−");
const cursors = plots.map((plot, k) => {
  const values = plot.lines.flatMap(([key]) => moments.map((each) => each[key])).concat(plot.level ? [plot.level[1]] : []);
  const low = plot.low ?? Math.min(...values), most = plot.high ?? Math.max(...values);
  const high = most > low ? most : low + 1;
  const up = (v) => H - BOTTOM - (Math.min(Math.max(v, low), high) - low) / (high - low) * (H - TOP - BOTTOM);
  const svg = node("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": plot.title });
  [low, high].forEach((v) => {
    svg.append(node("line", { class: "rule", x1: LEFT, x2: W - RIGHT, y1: up(v), y2: up(v) }));
    svg.append(node("text", { x: LEFT - 5, y: up(v) + 4, "text-anchor": "end" }, number(v)));
  });
  svg.append(node("text", { x: W - RIGHT, y: H - 5, "text-anchor": "end" }, last.toLocaleString("en") + " samples"));
  if (plot.level) {
    svg.append(node("line", { class: "level", x1: LEFT, x2: W - RIGHT, y1: up(plot.level[1]), y2: up(plot.level[1]) }));
    svg.append(node("text", { x: W - RIGHT + 4, y: up(plot.level[1]) + 4 }, plot.level[0]));
  }
  let legend = LEFT;
  plot.lines.forEach(([key, name, colour]) => {
    svg.append(node("polyline", { class: colour, points: moments.map((each) => `${across(each.seen).toFixed(1)},${up(each[key]).toFixed(1)}`).join(" ") }));
    svg.append(node("text", { class: colour, x: legend, y: 11 }, name));
    legend += 14 + 5.6 * name.length;
  });
  const cursor = node("line", { class: "cursor", y1: TOP, y2: H - BOTTOM });
  svg.append(cursor);
  document.querySelector(`[data-curve="${k}"]`).append(svg);
  return cursor;
});

const show = (index) => {
  const moment = moments[index];
  pen.fillStyle = colours.card;
  pen.fillRect(0, 0, side, side);
  drawings[scene.kind](moment, index);
  cursors.forEach((cursor) => ["x1", "x2"].forEach((end) => cursor.setAttribute(end, across(moment.seen))));
  seen.textContent = moment.seen.toLocaleString("en") + " samples";
  slider.setAttribute("aria-valuetext", seen.textContent);
  now.textContent = told(moment);
};
const paint = () => {
  const style = getComputedStyle(document.documentElement);
  colours = Object.fromEntries(["card", "ink", "soft", "rule", "blue", "orange", "green", "red", "net"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  show(Number(slider.value));
};
const stop = () => {
  clearInterval(timer);
  timer = 0;
  button.textContent = "Play";
};
const go = (index) => {
  slider.value = String(Math.min(Math.max(index, 0), moments.length - 1));
  show(Number(slider.value));
};
const play = () => {
  if (timer) { stop(); return; }
  if (Number(slider.value) >= moments.length - 1) { go(0); }
  button.textContent = "Pause";
  timer = setInterval(() => {
    if (Number(slider.value) >= moments.length - 1) { stop(); } else { go(Number(slider.value) + 1); }
  }, Math.max(30, 9000 / moments.length));
};
button.addEventListener("click", play);
slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
document.addEventListener("keydown", (event) => {
  if (event.target === button || event.ctrlKey || event.metaKey || event.altKey) { return; }
  const steps = { ArrowLeft: -1, ArrowRight: 1 };
  if (event.key === " ") { event.preventDefault(); play(); }
  if (event.key in steps && event.target !== slider) { event.preventDefault(); stop(); go(Number(slider.value) + steps[event.key]); }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
slider.max = String(moments.length - 1);
slider.value = slider.max;
paint();
