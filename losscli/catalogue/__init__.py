"""The built-in losses, a family per file: formulas and nothing else.

Every `Loss` that a module of this package declares is part of the catalogue;
`losscli.registry` finds them by walking the package.
"""
