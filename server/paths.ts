/** Paths as clients write them. */

/** A URL whose path has single slashes: base URLs that end in one, joined with paths that begin with one, give two. */
export const singleSlashes = (url: string): string =>
  url.replace(/^[^?#]*/, (path) => path.replace(/\/{2,}(?=[^/])/g, '/'))
