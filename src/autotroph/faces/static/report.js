"use strict";
(() => {
  const specs = JSON.parse(document.getElementById("charts").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // The style sheet knows the colours, in light and in dark.
  const painted = (value) => {
    if (typeof value === "string") {
      const named = /^var\((--[a-z]+)\)$/.exec(value);
      return named ? colour(named[1]) : value;
    }
    if (Array.isArray(value)) return value.map(painted);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, painted(each)]));
    }
    return value;
  };

  const config = () => ({
    background: "transparent",
    font: getComputedStyle(document.body).fontFamily,
    view: { stroke: "transparent" },
    axis: {
      labelColor: colour("--quiet"), titleColor: colour("--quiet"), gridColor: colour("--hair"),
      domainColor: colour("--hair"), tickColor: colour("--hair"),
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", titlePadding: 8, labelOverlap: true,
    },
    axisX: { grid: false },
    axisY: { domain: false, ticks: false },
    text: { color: colour("--ink"), fontSize: 13 },
  });

  const draw = async () => {
    let drawn = 0;
    for (const [id, spec] of Object.entries(specs)) {
      const place = document.getElementById(id);
      const said = place.getAttribute("aria-label");
      try {
        await window.vegaEmbed(place, painted(spec), { actions: false, renderer: "svg", config: config() });
        // The picture takes its place for a document of its own, and forgets what it shows in words.
        place.setAttribute("role", "img");
        place.setAttribute("aria-label", said);
        place.removeAttribute("aria-roledescription");
        drawn += 1;
      } catch (error) {
        place.textContent = "This picture could not be drawn: " + error;
        console.error(error);
      }
    }
    document.documentElement.dataset.drawn = String(drawn);
  };

  dark.addEventListener("change", draw);
  draw();
})();
