// The page of the REST interface: Swagger UI over its description, set up without any inline code.

const place = document.getElementById("api-docs");
const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

// Swagger UI knows the theme by a class; the site by its own toggle, and else by the system.
function followTheme() {
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches;
  root.classList.toggle("dark-mode", isDark);
}

followTheme();
systemIsDark.addEventListener("change", followTheme);
new MutationObserver(followTheme).observe(root, { attributeFilter: ["data-theme"] });

window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.schema,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // The description is our own: nobody's address may be opened in its place.
  queryConfigEnabled: false,
  validatorUrl: null,
  syntaxHighlight: false,
});
