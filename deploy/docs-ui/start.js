// start.js - shows api/openapi.json with the viewer; light or dark as the reader's system is.
'use strict';

const dark = window.matchMedia('(prefers-color-scheme: dark)');
const paint = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', paint);
paint();

// What may be left out is not filled with its example: "try it out" asks what the reader wrote.
function withoutFillers(document) {
  for (const path of Object.values(document.paths))
    for (const operation of Object.values(path))
      for (const parameter of operation.parameters ?? [])
        if (!parameter.required) {
          delete parameter.examples;
          if (parameter.style === 'deepObject') parameter.example = {};
          else delete parameter.example;
        }
  return document;
}

async function show() {
  const answer = await fetch('api/openapi.json');
  const spec = withoutFillers(await answer.json());
  return window.SwaggerUIBundle({
    spec,
    dom_id: '#ui',
    deepLinking: true,
    docExpansion: 'none',
    defaultModelsExpandDepth: -1, // the schemas stand with the operations that use them
    filter: true,
    validatorUrl: null,
    displayRequestDuration: true,
  });
}

// The token lives in this page only and is gone when it is left.
const token = document.getElementById('token');
const state = document.getElementById('token-state');
const shown = show();
document.getElementById('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  const ui = await shown;
  const value = token.value.trim().replace(/^Bearer\s+/i, '');
  if (value === '') ui.authActions.logout(['bearer']);
  else ui.preauthorizeApiKey('bearer', value);
  token.value = '';
  state.textContent = value === '' ? 'No token.' : 'Sent with every "Try it out".';
});
