/* The end of 3-D Secure inside a dialog: the shop's page hears what came of it. */
(() => {
  "use strict";
  const { origin, outcome, result } = document.getElementById("done").dataset;
  parent.postMessage({ paykit: "challenge", outcome, result: JSON.parse(result) }, origin);
})();
