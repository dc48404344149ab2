// Small symmetric matrices, as lists of rows.

/**
 * Eigenvalues and eigenvectors (as columns) of a symmetric matrix, by Jacobi's rotations.
 * @param {number[][]} matrix
 */
export function eigen(matrix) {
  const n = matrix.length;
  const a = matrix.map((row) => [...row]);
  const vectors = identity(n);
  for (let round = 0; round < 60; round++) {
    let off = 0;
    for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) off += a[i][j] ** 2;
    if (off < 1e-24) break;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(a[p][q]) < 1e-300) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < n; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
        for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
        for (let k = 0; k < n; k++) {
          [vectors[k][p], vectors[k][q]] = [c * vectors[k][p] - s * vectors[k][q], s * vectors[k][p] + c * vectors[k][q]];
        }
      }
    }
  }
  return { values: a.map((row, i) => row[i]), vectors };
}

/**
 * A power of a positive semi-definite matrix: the symmetric root for 1/2.
 * @param {number[][]} matrix
 * @param {number} exponent
 */
export function power(matrix, exponent) {
  const { values, vectors } = eigen(matrix);
  const raised = values.map((value) => Math.max(value, 1e-9) ** exponent);
  return vectors.map((row) => vectors.map((other) => row.reduce((sum, v, k) => sum + v * raised[k] * other[k], 0)));
}

/** @param {number[][]} one @param {number[][]} other */
export function product(one, other) {
  return one.map((row) => other[0].map((_, j) => row.reduce((sum, v, k) => sum + v * other[k][j], 0)));
}

/** @param {number[][]} matrix */
export function transposed(matrix) {
  return matrix[0].map((_, j) => matrix.map((row) => row[j]));
}

/** @param {number[][]} matrix @param {number[]} vector */
export function times(matrix, vector) {
  return matrix.map((row) => row.reduce((sum, v, k) => sum + v * vector[k], 0));
}

/** @param {number} n @returns {number[][]} */
export function identity(n) {
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
}
