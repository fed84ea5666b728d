// Light or dark as the system says, until the button is used.
const dark = matchMedia("(prefers-color-scheme: dark)");

function showTheme() {
  const isDark = (document.documentElement.dataset.theme || (dark.matches ? "dark" : "light")) === "dark";
  byId("theme").textContent = isDark ? "Light theme" : "Dark theme";
  return isDark;
}

byId("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = showTheme() ? "light" : "dark";
  showTheme();
});
dark.addEventListener("change", showTheme);
byId("theme").hidden = false;
showTheme();
