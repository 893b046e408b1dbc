// Package docs shows people and programs what the server answers: the OpenAPI document at /openapi.json, a page made of
// it at /docs, and both once more for what lies under one workspace.
//
// The page is written by the server: it runs no script, fetches nothing but its own style sheet, and holds no data.
// What is under a workspace is the same for every slug, whether there is such a workspace or not: nobody learns from it
// which there are.
package docs
