"""A client library for accessing signedin"""

from . import contract
from .resources import AsyncResources, Resources

__all__ = ("AsyncResources", "Resources", "contract")
