/** Lint: types, sizes (CONTRIBUTING.md), and who may import whom (docs/architecture.md, Folders). Prettier formats. */
import eslint from '@eslint/js'
import tseslint from 'typescript-eslint'

const PROCESS_MODULES = ['fs', 'fs/promises', 'child_process', 'net', 'http']

/** Nobody imports the entry point. */
const ENTRY = { regex: '/main\\.js$', message: 'main.ts is imported by nobody' }

/**
 * Imports of the files in a folder of src. `allowed` are folders and root files that it may import beside its own files;
 * `depth` is how many folders it lies below src.
 */
function imports(files, allowed, { depth = 1, mayUseProcess = false } = {}) {
  const up = '\\.\\./'.repeat(depth)
  const list = allowed.map((name) => (name.endsWith('.js') ? name.replace('.', '\\.') : `${name}/`)).join('|')
  return {
    files,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            ENTRY,
            {
              regex: `^${up}(?!${list === '' ? '$' : `(${list})`})`,
              message: 'not in the table of folders in docs/architecture.md'
            },
            { regex: '/host/linux/', message: 'only main.ts knows the real kernel' },
            ...(mayUseProcess ? [] : [processPattern()])
          ]
        }
      ]
    }
  }
}

function processPattern() {
  return {
    regex: `^(node:)?(${PROCESS_MODULES.join('|')})$`,
    message:
      'only host/linux, store, http.ts, log.ts, config.ts, client.ts, systemd.ts and main.ts touch the system'
  }
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'bin/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true }
      ],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'typeLike', format: ['PascalCase'] },
        {
          selector: ['function', 'parameter'],
          format: ['camelCase', 'PascalCase'],
          leadingUnderscore: 'allow'
        }
      ],
      'max-lines': ['error', 300],
      'max-lines-per-function': ['error', { max: 50, skipComments: true }],
      'max-params': ['error', 4],
      'max-depth': ['error', 3],
      'no-empty': 'error',
      'no-warning-comments': 'off',
      'preserve-caught-error': 'error',
      'no-restricted-exports': [
        'error',
        { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'name what is exported' },
        { selector: 'TSParameterProperty', message: 'not erasable' },
        { selector: 'MemberExpression[property.name="skip"]', message: 'fix or remove the test' }
      ],
      'no-restricted-imports': ['error', { patterns: [ENTRY] }]
    }
  },
  imports(['src/model/**'], ['errors.js']),
  imports(['src/model/options/**'], ['errors.js'], { depth: 2 }),
  imports(['src/host/*.ts'], ['errors.js', 'log.js']),
  imports(['src/host/linux/**'], ['errors.js', 'log.js'], { depth: 2, mayUseProcess: true }),
  imports(['src/store/**'], ['model', 'errors.js', 'log.js'], { mayUseProcess: true }),
  imports(
    ['src/desired/**'],
    ['model', 'host/objects.js', 'host/policies.js', 'host/ends.js', 'host/router-lines.js']
  ),
  imports(['src/core/**'], ['model', 'desired', 'host', 'store', 'errors.js', 'log.js', 'metrics.js']),
  imports(
    ['src/core/routing/**'],
    ['core', 'model', 'desired', 'host', 'store', 'errors.js', 'log.js', 'metrics.js'],
    { depth: 2 }
  ),
  imports(['src/ipam/**'], ['core', 'model', 'store', 'errors.js', 'log.js']),
  imports(
    ['src/cni/**'],
    ['core', 'ipam', 'model', 'store', 'host/ends.js', 'host/registry.js', 'http.js', 'errors.js', 'log.js']
  ),
  imports(['src/cnm/**'], ['core', 'ipam', 'model', 'http.js', 'errors.js', 'log.js']),
  {
    files: ['src/errors.ts', 'src/metrics.ts', 'src/status.ts', 'src/admin.ts', 'src/daemon.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [ENTRY, processPattern()] }]
    }
  },
  {
    // winston declares Console as an interface with a `new` signature, not as a class, so the rule does not see that what
    // it makes is a TransportStream.
    files: ['src/log.ts'],
    rules: { '@typescript-eslint/no-unsafe-class-instance-assignment': 'off' }
  },
  {
    // A describe is one function with many tests in it.
    files: ['test/**/*.ts'],
    rules: { 'max-lines-per-function': 'off' }
  },
  {
    // Tests of the real kernel say so where they cannot run: without root.
    files: ['test/netns/**/*.ts'],
    rules: { 'no-restricted-syntax': 'off' }
  }
)
