"""The arguments of an API: found in the request, converted, translated and checked, as its options say.

Pure: an Arguments goes in, an Args or an OptionError comes out. Source: the request layer of the BioThings API.
"""

from gramex_twisted.options.arguments import Args, Arguments
from gramex_twisted.options.definition import Definition
from gramex_twisted.options.errors import ManyOptionsError, OptionError
from gramex_twisted.options.option import Option
from gramex_twisted.options.optionset import OptionSet

__all__ = ["Args", "Arguments", "Definition", "ManyOptionsError", "Option", "OptionError", "OptionSet"]
