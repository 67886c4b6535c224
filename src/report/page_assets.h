/// The style sheet and the script of the report's page.
#pragma once

namespace gm {

/// Colours c0 to c7 can be told apart with any colour vision (Okabe and Ito, "Color Universal
/// Design", 2008), on light and on dark ground.
inline constexpr const char* kPageStyle = R"css(
:root {
  --ground: #f6f7f9; --card: #ffffff; --ink: #1b2330; --quiet: #5b6675; --line: #dfe3e8; --grid: #eceff3;
  --problem: #b42318; --advice: #9a5b00; --fact: #2f6bb0; --good: #18794e;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #aa4499; --c4: #c08a00; --c5: #56b4e9; --c6: #7a3e00; --c7: #5b6675;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11151b; --card: #1a2029; --ink: #e6eaf0; --quiet: #9aa6b5; --line: #2d3642; --grid: #262e39;
    --problem: #ff8a7a; --advice: #f0b35a; --fact: #7db7f0; --good: #5fcf99;
    --c0: #4aa8e8; --c1: #ff8c42; --c2: #2fcf9f; --c3: #e58fcf; --c4: #f0d03c; --c5: #9adcff; --c6: #c99b6a; --c7: #b3bdca;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px clamp(14px, 3vw, 40px); max-width: 1440px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 14px; margin-bottom: 18px; }
h1 { margin: 0; font-size: 27px; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 34px 0 12px; font-size: 19px; }
h3 { margin: 18px 0 6px; font-size: 15px; }
p { margin: 0 0 8px; }
.note, figcaption p, small { color: var(--quiet); font-size: 13px; overflow-wrap: anywhere; }
header .note { margin: 0; }
.state { border: 1px solid var(--advice); color: var(--advice); border-radius: 99px; padding: 1px 11px; font-size: 13px; font-weight: 600; }
.state.finished { border-color: var(--good); color: var(--good); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
.tile, figure, .remarks li, .scroll { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 12px 15px; display: flex; flex-direction: column; }
.tile .name, .tile .more { color: var(--quiet); font-size: 13px; }
.tile .value { font-size: 24px; font-weight: 650; line-height: 1.3; font-variant-numeric: tabular-nums; }
.remarks { list-style: none; margin: 0; padding: 0; display: grid; gap: 8px; }
.remarks li { padding: 10px 15px; border-left: 5px solid var(--fact); overflow-wrap: anywhere; }
.remarks b { margin-right: 10px; color: var(--fact); }
.remarks .problem { border-left-color: var(--problem); } .remarks .problem b { color: var(--problem); }
.remarks .advice { border-left-color: var(--advice); } .remarks .advice b { color: var(--advice); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 430px), 1fr)); gap: 14px; }
figure { margin: 0; padding: 13px 15px 9px; position: relative; display: flex; flex-direction: column; }
figcaption h3 { margin: 0; display: flex; justify-content: space-between; gap: 10px; overflow-wrap: anywhere; }
figcaption p { margin: 0 0 4px; }
.plots > figure > svg { margin-top: auto; width: 100%; height: auto; display: block; touch-action: pan-y; }
svg text { fill: var(--quiet); font-size: 12.5px; font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--grid); } svg .axis, svg .tick { stroke: var(--quiet); }
svg .mark { stroke: var(--problem); stroke-dasharray: 3 3; } svg .pointer { stroke: var(--quiet); pointer-events: none; }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
polyline.faint { stroke-width: 1; opacity: .3; } polyline.dashed { stroke-dasharray: 6 4; }
polygon { fill-opacity: .45; } [data-scale="stacked"] polyline { stroke-width: 1; }
.c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); } .c3 { --c: var(--c3); }
.c4 { --c: var(--c4); } .c5 { --c: var(--c5); } .c6 { --c: var(--c6); } .c7 { --c: var(--c7); }
polyline { stroke: var(--c); } polygon, circle { fill: var(--c); }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 7px; background: var(--c); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 0; padding: 0; font-size: 13px; }
.legend li { overflow-wrap: anywhere; }
.values { position: absolute; top: 8px; right: 10px; margin: 0; padding: 5px 10px; border-radius: 7px; pointer-events: none;
  background: var(--ink); color: var(--card); font-size: 12.5px; white-space: pre-line; font-variant-numeric: tabular-nums; }
.values:empty { display: none; }
figure img { max-width: 100%; height: auto; border-radius: 4px; image-rendering: pixelated; }
figure.newest, figure.older { display: inline-flex; padding: 10px; }
.newest figcaption, .older figcaption { font-size: 13px; color: var(--quiet); margin-top: 4px; }
.samples { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 14px; align-items: start; }
.strip { display: grid; grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); gap: 10px; }
.scroll { overflow-x: auto; width: fit-content; max-width: 100%; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 6px 14px; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 600; white-space: nowrap; } tr:last-child td { border-bottom: 0; }
code { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
details { margin-top: 12px; } summary { cursor: pointer; padding: 6px 0; font-weight: 600; }
footer { margin-top: 36px; color: var(--quiet); font-size: 13px; }
@media (max-width: 560px) { svg text { font-size: 16px; } .tiles { grid-template-columns: 1fr 1fr; } .tile .value { font-size: 20px; } }
@media print { body { background: none; max-width: none; padding: 0; } figure, .tile, .remarks li { break-inside: avoid; } }
)css";

/// Shows the values at the pointer. Without it, nothing of the page is missing.
inline constexpr const char* kPageScript = R"js(
"use strict";
for (const svg of document.querySelectorAll("svg[data-x]")) {
  const [left, right, firstX, lastX] = svg.dataset.x.split(" ").map(Number);
  const [bottom, top, lowY, highY] = svg.dataset.y.split(" ").map(Number);
  const scale = svg.dataset.scale;
  const values = svg.parentNode.appendChild(document.createElement("p"));
  values.className = "values";
  const pointer = svg.appendChild(document.createElementNS(svg.namespaceURI, "line"));
  pointer.setAttribute("class", "pointer");
  const valueAt = (y) => {
    const part = (y - bottom) / (top - bottom);
    return scale === "log" ? lowY * (highY / lowY) ** part : lowY + part * (highY - lowY);
  };
  const nearest = (name, x) => {
    let best = null;
    for (const line of svg.querySelectorAll("polyline")) {
      if (line.dataset.name !== name) continue;
      for (const point of line.points) {
        if (best === null || Math.abs(point.x - x) < Math.abs(best.x - x)) best = point;
      }
    }
    return best;
  };
  const names = [...new Set([...svg.querySelectorAll("polyline")].map((line) => line.dataset.name))];
  svg.addEventListener("pointermove", (event) => {
    const x = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse()).x;
    const points = names.map((name) => nearest(name, x));
    const at = points.reduce((a, b) => (Math.abs(a.x - x) <= Math.abs(b.x - x) ? a : b)).x;
    for (const [name, value] of Object.entries({ x1: at, x2: at, y1: top, y2: bottom })) pointer.setAttribute(name, value);
    const step = Math.round(firstX + (at - left) / (right - left) * (lastX - firstX));
    let below = 0;
    const rows = points.map((point, i) => {
      const value = valueAt(point.y) - (scale === "stacked" ? below : 0);
      below += value;
      return `${names[i]}: ${Number(value.toPrecision(3))}`;
    });
    values.textContent = [`step ${step.toLocaleString("en")}`, ...rows].join("\n");
  });
  svg.addEventListener("pointerleave", () => {
    values.textContent = "";
    pointer.removeAttribute("y2");
    pointer.removeAttribute("y1");
  });
}
)js";

}  // namespace gm
