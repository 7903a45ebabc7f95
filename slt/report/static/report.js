// The clips of the report: each is opened in 3D where its button stands, and closed by the same button.
for (const button of document.querySelectorAll("button[data-scene]")) {
  let player = null;
  button.addEventListener("click", () => {
    if (player) {
      player.close();
      player = null;
    } else {
      const scene = JSON.parse(document.getElementById(button.dataset.scene).textContent);
      player = Viewer.show(button.nextElementSibling, scene, null);
      player.toggle();
    }
    button.textContent = player ? "Close" : "Play in 3D";
    button.setAttribute("aria-expanded", String(player !== null));
  });
}
