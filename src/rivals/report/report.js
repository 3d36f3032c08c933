"use strict";
const frames = [...document.querySelectorAll("img.frame")];
const controls = document.getElementById("controls");
if (controls && frames.length > 1) {
  const slider = document.getElementById("time");
  const button = document.getElementById("play");
  const seen = document.getElementById("seen");
  let timer = 0;
  const show = (index) => {
    frames.forEach((frame, i) => { frame.hidden = i !== index; });
    seen.textContent = Number(frames[index].dataset.seen).toLocaleString("en") + " samples seen";
    slider.setAttribute("aria-valuetext", seen.textContent);
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = "Play";
  };
  const step = () => {
    const next = Number(slider.value) + 1;
    if (next >= frames.length) { stop(); return; }
    slider.value = String(next);
    show(next);
  };
  button.addEventListener("click", () => {
    if (timer) { stop(); return; }
    if (Number(slider.value) >= frames.length - 1) { slider.value = "0"; show(0); }
    button.textContent = "Pause";
    timer = setInterval(step, 160);
  });
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  controls.hidden = false;
  slider.value = String(frames.length - 1);
  show(frames.length - 1);
}
