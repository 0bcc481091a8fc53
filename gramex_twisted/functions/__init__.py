"""User functions: what `function:` in a configuration compiles to. Imports no Twisted.

function = compile_function("utils.home", ["handler"], where="gramex.yaml:12:15")
function.mode           # "reactor", "thread" or "async": where it must run
function(handler)
"""

from gramex_twisted.functions.compiler import compile_function
from gramex_twisted.functions.function import Function, Step
from gramex_twisted.functions.modes import Mode
from gramex_twisted.functions.modules import ModuleSet

__all__ = ["Function", "Mode", "ModuleSet", "Step", "compile_function"]
